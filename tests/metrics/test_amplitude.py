"""Amplitude: by hand, and for motionless bodies that are carried along."""

from dataclasses import replace

import roma
import torch
from torch.testing import assert_close

from motiongrpo.geometry.se3 import Transform
from motiongrpo.metrics.amplitude import LIMBS, amplitude_ratio, limb_speed_m_s
from motiongrpo.metrics.motion import BodyMotion

FPS, FRAMES = 30.0, 10
EVERY = torch.ones(2, FRAMES, dtype=torch.bool)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moving(p_root_joint: torch.Tensor, seed: int = 0) -> BodyMotion:
    """Joints given in coordinates of the pelvis, which moves and turns at random."""
    R = roma.rotvec_to_rotmat(draw(seed, 2, FRAMES, 3))
    p_root_joint = p_root_joint.expand(2, FRAMES, 22, 3).clone()
    p_root_joint[:, :, 0] = 0
    p = torch.einsum("bfij,bfkj->bfki", R, p_root_joint) + draw(seed + 1, 2, FRAMES, 1, 3)
    rotations = R[:, :, None].expand(-1, -1, 22, -1, -1)
    contacts = torch.zeros(2, FRAMES, 21, dtype=torch.float64)
    return BodyMotion(rotations, p, p[:, :, :2], contacts, Transform(R, p[:, :, 0]))


def test_the_speed_is_that_of_wrists_and_toes_alone():
    """Limbs move by 1, 2, 3 and 4 cm per frame along x, all other joints by a metre."""
    step = torch.ones(22, dtype=torch.float64)
    step[list(LIMBS)] = torch.tensor([0.01, 0.02, 0.03, 0.04], dtype=torch.float64)
    along_x = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    path = torch.arange(FRAMES)[:, None, None] * step[:, None] * along_x
    expected = torch.full((2,), 0.025 * FPS).double()
    assert_close(limb_speed_m_s(moving(path), EVERY, FPS), expected, rtol=0, atol=1e-10)


def test_a_statue_has_no_amplitude_however_it_is_carried_and_the_truth_has_one():
    truth, statue = moving(draw(3, 2, FRAMES, 22, 3)), moving(draw(4, 1, 1, 22, 3), seed=7)
    nothing, one = torch.zeros(2).double(), torch.ones(2).double()
    assert_close(amplitude_ratio(statue, truth, EVERY, FPS), nothing, rtol=0, atol=1e-12)
    assert_close(amplitude_ratio(truth, truth, EVERY, FPS), one, rtol=0, atol=0)


def test_twice_the_gestures_have_twice_the_amplitude_under_any_pelvis():
    gestures = draw(3, 2, FRAMES, 22, 3)
    ratio = amplitude_ratio(moving(2 * gestures, seed=5), moving(gestures), EVERY, FPS)
    assert_close(ratio, torch.full((2,), 2.0).double(), rtol=0, atol=1e-10)


def test_a_truth_that_does_not_move_has_no_amplitude_ratio():
    truth = moving(draw(3, 2, FRAMES, 22, 3))
    still = replace(truth, p_world_joint=truth.p_world_joint[:, :1].expand(-1, FRAMES, -1, -1))
    still = replace(still, R_parent_joint=truth.R_parent_joint[:, :1].expand(-1, FRAMES, -1, -1, -1))
    assert amplitude_ratio(truth, still, EVERY, FPS).isnan().all()


def test_what_lies_in_the_padding_has_no_speed():
    mask = torch.arange(FRAMES).expand(2, -1) < 5
    short = moving(draw(3, 2, FRAMES, 22, 3))
    spoiled = replace(short, p_world_joint=short.p_world_joint.clone())
    spoiled.p_world_joint[:, 5:] = torch.nan
    expected = limb_speed_m_s(short.rows((slice(None), slice(5))), mask[:, :5], FPS)
    assert_close(limb_speed_m_s(spoiled, mask, FPS), expected, rtol=0, atol=1e-12)
