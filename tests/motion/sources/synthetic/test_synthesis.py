"""The stated properties of synthetic motion, measured over 200 clips."""

import numpy as np
import pytest
import torch

from motiongrpo.body.floor_contact import ContactConfig, contact_labels, joint_speed
from motiongrpo.body.kinematics import central_pupil_frame
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.geometry.so3 import matrix_from_quaternion, rotation_vector_from_matrix
from motiongrpo.motion.sources.synthetic.plan import GRAVITY, TIPTOE
from motiongrpo.motion.sources.synthetic.subject import LEGS
from tests.motion.sources.synthetic.people import Filmed, config, film, interior, joint

FPS = 30.0
CLIPS = 200
CONTACT = ContactConfig(speed_m_s=0.2, height_m=0.04)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Use one thread: tensors of one clip are too small for several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def clips() -> list[Filmed]:
    return [film(config(), index) for index in range(CLIPS)]


@pytest.fixture(scope="module")
def walks() -> list[Filmed]:
    return [film(config(activities=("walk",), clips_per_subject=1, seconds_min=6), i) for i in range(40)]


def foot_soles(filmed: Filmed, side: int) -> torch.Tensor:
    owner = [j in (LEGS[side].ankle, LEGS[side].foot) for j in filmed.body.sole_joints]
    return filmed.soles[:, owner]


def labels(filmed: Filmed) -> np.ndarray:
    positions = filmed.posed.p_world_joint
    return contact_labels(positions, filmed.body.standing_height, FPS, CONTACT).numpy()


def rotation_vectors(filmed: Filmed) -> torch.Tensor:
    return rotation_vector_from_matrix(
        matrix_from_quaternion(filmed.clip.q_parent_joint[:, : BODY_JOINTS - 1])
    )


def test_feet_labelled_as_touching_the_floor_move_less_than_5_mm_per_second_in_the_median(clips):
    speeds = []
    for filmed in clips:
        speed, touching = joint_speed(filmed.posed.p_world_joint, FPS).numpy(), labels(filmed)
        speeds += [speed[touching[:, foot - 1], foot] for foot in FEET]
    assert np.median(np.concatenate(speeds)) < 0.005


def test_the_lowest_point_of_a_planted_foot_does_not_slip(clips):
    slips = []
    for filmed in clips:
        for side, foot in enumerate(filmed.feet):
            soles = foot_soles(filmed, side)
            lowest = soles[..., 2].argmin(dim=1, keepdim=True)
            slip = joint_speed(soles, FPS).gather(1, lowest)[:, 0].numpy()
            slips.append(slip[interior(foot.planted)])
    slips = np.concatenate(slips)
    assert np.median(slips) < 1e-9
    assert np.quantile(slips, 0.9) < 0.01  # the remainder is one frame's rotation about heel or toe


def test_no_foot_is_deeper_than_5_mm_below_the_floor(clips):
    deepest = min(float(filmed.soles[..., 2].min()) for filmed in clips)
    assert deepest > -0.0001  # the stated bound is 5 mm


def test_a_flat_planted_foot_rests_on_the_floor_within_2_mm(clips):
    for filmed in clips:
        for side, foot in enumerate(filmed.feet):
            flat = foot.planted & (np.abs(foot.pitch) < 0.02)
            lowest = foot_soles(filmed, side)[..., 2].amin(dim=1).numpy()[flat]
            assert np.abs(lowest).max(initial=0.0) < 0.002


def test_knees_bend_forward_and_never_beyond_what_a_knee_can(clips):
    for filmed in clips:
        for leg in LEGS:
            hip, knee, ankle = (joint(filmed.posed, j) for j in (leg.hip, leg.knee, leg.ankle))
            leftward = filmed.posed.R_world_joint[:, leg.hip, :, 0].numpy()
            bend = np.sum(np.cross(knee - hip, ankle - knee) * leftward, axis=1)
            flexion = np.arctan2(bend, np.sum((knee - hip) * (ankle - knee), axis=1))
            assert flexion.min() > np.radians(5)
            assert flexion.max() < np.radians(150)


def test_walking_is_between_0_7_and_2_metres_per_second(clips, walks):
    speeds = []
    for filmed in clips + walks:
        path = joint(filmed.posed, Joint.PELVIS)[:, :2]
        steady = filmed.steady("walk")
        step = np.linalg.norm(np.diff(path, axis=0), axis=1) * FPS
        if steady.sum() > FPS:  # about a stride, over which the sway of the pelvis averages out
            speeds.append(step[steady[1:] & steady[:-1]].mean())
    assert len(speeds) > 60
    assert min(speeds) > 0.7
    assert max(speeds) < 2.0
    assert np.std(speeds) > 0.2


def test_no_joint_is_faster_than_15_metres_per_second(clips):
    assert max(float(joint_speed(f.posed.p_world_joint, FPS).max()) for f in clips) < 15


def test_the_head_stays_within_the_reach_of_the_body(clips):
    for filmed in clips:
        height = joint(filmed.posed, Joint.HEAD)[:, 2]
        jump = max((TIPTOE + hop.speed**2 / (2 * GRAVITY) for hop in filmed.timeline.plan.hops), default=0.0)
        standing = float(filmed.body.standing_height[Joint.HEAD])
        assert height.max() < standing + jump + 0.01
        assert height.min() > 0.4 * standing


def test_the_head_bobs_twice_a_stride_in_the_phase_of_the_gait(walks):
    """Its height by phase has the frequency of steps and not that of strides."""
    ratios = []
    for filmed in walks:
        steady = filmed.steady("walk")
        if steady.sum() < 2 * FPS:
            continue
        height = central_pupil_frame(filmed.body, filmed.posed).p[:, 2].numpy()[steady]
        stride, step = beats(height, filmed.gait.phase[steady])
        ratios.append(abs(step) / abs(stride))
        assert 0.004 < abs(step) < 0.06
        lowest = np.angle(-step) / (2 * np.pi)  # in steps after a landing
        assert abs(lowest - 0.1) < 0.15
    assert len(ratios) > 20
    assert min(ratios) > 1
    assert np.median(ratios) > 4


def beats(height: np.ndarray, phase: np.ndarray) -> tuple[complex, complex]:
    """The components of a height at the frequencies of stride and step, without slow drift."""
    drift = np.polynomial.polynomial.polyvander(np.linspace(-1, 1, len(phase)), 2)
    angles = np.pi * phase, 2 * np.pi * phase
    waves = [wave(angle) for angle in angles for wave in (np.cos, np.sin)]
    fit = np.linalg.lstsq(np.column_stack([drift, *waves]), height, rcond=None)[0][3:]
    return complex(fit[0], fit[1]), complex(fit[2], fit[3])


def test_the_feet_of_a_flat_stance_are_labelled_and_those_of_a_swing_are_not(clips):
    stance, swing = [], []
    for filmed in clips:
        touching = labels(filmed)
        for leg, foot in zip(LEGS, filmed.feet, strict=True):
            flat = interior(interior(foot.planted & (np.abs(foot.pitch) < 0.02)))
            stance.append(touching[flat][:, [leg.ankle - 1, leg.foot - 1]])
            swing.append(touching[interior(~foot.planted)][:, [leg.ankle - 1, leg.foot - 1]])
    assert np.concatenate(stance).all()
    assert np.concatenate(swing).mean() < 0.01  # a swing starts and ends slow and low


def test_joints_stay_within_what_anatomy_allows(clips):
    """Bounds in degrees on single turns; x is the axis of flexion of legs, y that of the elbow."""
    bounds = {Joint.NECK: 45, Joint.HEAD: 45, Joint.SPINE1: 25, Joint.SPINE2: 25, Joint.SPINE3: 25}
    for side in ("LEFT", "RIGHT"):
        bounds |= {Joint[f"{side}_WRIST"]: 60, Joint[f"{side}_COLLAR"]: 35, Joint[f"{side}_FOOT"]: 50}
    degrees = [torch.rad2deg(rotation_vectors(filmed)) for filmed in clips]
    angles = torch.cat(degrees)
    for which, bound in bounds.items():
        assert angles[:, which - 1].norm(dim=-1).max() < bound, which
    for side, sign in (("LEFT", -1), ("RIGHT", 1)):
        elbow = sign * angles[:, Joint[f"{side}_ELBOW"] - 1, 1]
        assert elbow.min() > -1
        assert elbow.max() < 150
        ankle = angles[:, Joint[f"{side}_ANKLE"] - 1, 0]
        assert ankle.min() > -55  # toes up
        assert ankle.max() < 60
        hip = angles[:, Joint[f"{side}_HIP"] - 1, 0]
        assert hip.min() > -130  # flexed
        assert hip.max() < 50


def test_accelerations_are_those_of_a_body(clips):
    worst = max(float(torch.diff(f.posed.p_world_joint, n=2, dim=0).norm(dim=-1).max()) for f in clips)
    assert worst * FPS**2 < 300
    trunk = [Joint.PELVIS, Joint.HEAD]
    worst = max(
        float(torch.diff(f.posed.p_world_joint[:, trunk], n=2, dim=0).norm(dim=-1).max()) for f in clips
    )
    assert worst * FPS**2 < 5 * GRAVITY


def test_joint_angles_have_no_kinks():
    """If a velocity jumped, halving the time between frames would not halve the change between them."""
    coarse, fine = (
        torch.stack([_largest_change(film(config(fps=fps, seconds_max=4.0), i)) for i in range(12)])
        for fps in (120.0, 240.0)
    )
    assert (fine.amax(0) < 0.75 * coarse.amax(0) + 0.02).all()


def _largest_change(filmed: Filmed) -> torch.Tensor:
    """The largest change of each joint's angular velocity between two frames, rad/s."""
    R = matrix_from_quaternion(filmed.clip.q_parent_joint[:, : BODY_JOINTS - 1])
    velocity = rotation_vector_from_matrix(R[:-1].mT @ R[1:]) * filmed.clip.fps
    return velocity.diff(dim=0).norm(dim=-1).amax(0)


def test_the_same_motion_comes_out_at_any_frame_rate():
    slow, fast = film(config(fps=30.0), 1).posed, film(config(fps=60.0), 1).posed
    gap = slow.p_world_joint - fast.p_world_joint[::2][: len(slow.p_world_joint)]
    assert gap.norm(dim=-1).max() < 0.01
