from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import geodesic_angle, matrix_from_quaternion, rotation_vector_from_matrix
from motiongrpo.motion.mirror import mirror_joints
from motiongrpo.rewards.corruption import CORRUPTIONS, LIMBS
from tests.bodies import window_batch

EXACT = {"rtol": 0, "atol": 1e-9}
FRAMES = 24
BATCH = window_batch(FRAMES)


def truth() -> PlacedMotion:
    return PlacedMotion.truth(BATCH)


def corrupted(kind: str, severity: float, motion: PlacedMotion | None = None) -> PlacedMotion:
    motion = motion or truth()
    each = torch.full((len(motion.betas),), severity, dtype=torch.float64)
    return CORRUPTIONS[kind](motion, each, torch.Generator().manual_seed(0))


def angle(a: PlacedMotion, b: PlacedMotion) -> torch.Tensor:
    """Radians between two bodies, (batch, frame, joint)."""
    return geodesic_angle(a.R_parent_joint, b.R_parent_joint)


def distance(a: PlacedMotion, b: PlacedMotion) -> torch.Tensor:
    """The distance between two bodies, per motion: radians over all joints, and metres between heads."""
    return angle(a, b).mean((1, 2)) + (a.T_world_cpf - b.T_world_cpf)[..., 4:].norm(dim=-1).mean(1)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_no_severity_leaves_the_truth(kind):
    same, true = corrupted(kind, 0.0), truth()
    for name, value in true.__dict__.items():
        assert_close(getattr(same, name), value, **EXACT)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_more_severity_leads_further_away(kind):
    """For every motion, but for a time shift only on average, since a walk is periodic."""
    steps = torch.stack([distance(corrupted(kind, s), truth()) for s in (0.0, 0.3, 0.6, 1.0)])
    grown = steps.mean(1, keepdim=True).diff(dim=0) if kind == "time_shift" else steps.diff(dim=0)
    assert float(grown.min()) > -1e-6
    assert float(grown.mean()) > 1e-3


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corrupted_bodies_are_still_bodies(kind):
    R = corrupted(kind, 1.0).R_parent_joint
    assert_close(R @ R.mT, torch.eye(3).double().expand_as(R), **EXACT)
    assert float(torch.linalg.det(R).min()) > 0.99


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_severity_is_of_one_motion(kind):
    """Motions with severity 0 stay the truth beside corrupted ones."""
    true, severity = truth(), torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    mixed = CORRUPTIONS[kind](true, severity, torch.Generator().manual_seed(0))
    assert_close(distance(mixed, true)[::2], torch.zeros(2).double(), rtol=0, atol=1e-6)
    assert_close(distance(mixed, true)[1::2], distance(corrupted(kind, 1.0), true)[1::2], **EXACT)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_truth_is_not_written_into(kind):
    motion = PlacedMotion(**{name: value.clone() for name, value in truth().__dict__.items()})
    corrupted(kind, 1.0, motion)
    for name, value in truth().__dict__.items():
        assert_close(getattr(motion, name), value, rtol=0, atol=0)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_it_is_made_on_the_device_of_the_motion(kind):
    motion = PlacedMotion(**{name: value.to("meta") for name, value in truth().__dict__.items()})
    made = CORRUPTIONS[kind](motion, torch.ones(4, device="meta").double(), torch.Generator().manual_seed(0))
    assert {value.device.type for value in made.__dict__.values()} == {"meta"}


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind != "height_shift"])
def test_all_but_one_leave_the_body_where_its_head_is(kind):
    assert_close(corrupted(kind, 1.0).T_world_cpf, truth().T_world_cpf, rtol=0, atol=0)


@pytest.mark.parametrize("severity", [0.4, 1.0])
def test_jitter_turns_every_joint_by_a_quarter_radian_an_axis_at_full_severity(severity):
    away = rotation_vector_from_matrix(
        truth().R_parent_joint.mT @ corrupted("jitter", severity).R_parent_joint
    )
    assert float(away.square().mean().sqrt()) == pytest.approx(0.25 * severity, rel=0.05)


def test_a_body_floats_or_sinks_by_so_much():
    raised = corrupted("height_shift", 0.5).T_world_cpf - truth().T_world_cpf
    assert_close(raised[..., 6].abs(), torch.full((4, FRAMES), 0.1, dtype=torch.float64), **EXACT)
    assert float(raised[..., :6].abs().max()) == 0


def test_one_limb_freezes():
    still, true = corrupted("frozen_limb", 1.0), truth()
    changed = angle(still, true).amax(1) > 1e-3
    for motion, joints in zip(still.R_parent_joint, changed, strict=True):
        moved = {int(j) + 1 for j in joints.nonzero()}
        limb = next(set(limb) for limb in LIMBS if moved <= set(limb))
        frozen = motion[:, [joint - 1 for joint in limb]]
        assert_close(frozen, frozen[:1].expand_as(frozen), **EXACT)


def test_swapped_limbs_are_those_of_the_mirrored_body():
    swapped, true = corrupted("swapped_limbs", 1.0), truth()
    mirrored = matrix_from_quaternion(mirror_joints(BATCH.q_parent_joint))
    as_mirrored = geodesic_angle(swapped.R_parent_joint, mirrored).amax(1) < 1e-6
    as_true = angle(swapped, true).amax(1) < 1e-6
    assert (as_mirrored | as_true).all()
    assert not as_true.all(dim=1).any()
    assert_close(corrupted("swapped_limbs", 1.0, swapped).R_parent_joint, true.R_parent_joint, **EXACT)


def test_a_shifted_body_is_another_frames():
    shifted, true = corrupted("time_shift", 0.25), truth()
    for i in range(4):
        errors = [
            float((shifted.R_parent_joint[i, 3:-3] - true.R_parent_joint[i].roll(-s, 0)[3:-3]).abs().max())
            for s in (3, -3)
        ]
        assert min(errors) == 0
        assert max(errors) > 0


def test_another_body_is_the_neighbours():
    other, true = corrupted("another_body", 1.0), truth()
    assert_close(other.R_parent_joint, true.R_parent_joint.roll(1, 0), **EXACT)
    assert_close(other.contacts, true.contacts.roll(1, 0), rtol=0, atol=0)
    assert_close(other.betas, true.betas, rtol=0, atol=0)


def test_smoothing_slows_a_body_and_leaves_a_still_one_still():
    def speed(motion: PlacedMotion) -> float:
        R = motion.R_parent_joint
        return float(geodesic_angle(R[:, 1:], R[:, :-1]).mean())

    assert speed(corrupted("oversmoothed", 1.0)) < 0.7 * speed(truth())
    pose = truth().R_parent_joint[:, :1].expand(-1, FRAMES, -1, -1, -1)
    still = replace(truth(), R_parent_joint=pose)
    assert_close(corrupted("oversmoothed", 1.0, still).R_parent_joint, pose, **EXACT)
