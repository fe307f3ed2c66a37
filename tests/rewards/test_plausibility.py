"""Sliding, penetration and jitter against closed forms: known speed of feet, depth of soles and jerk."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.rewards.plausibility import (
    GroundedMotion,
    contact_faults,
    jitter_errors,
    penetration_depths,
    sliding_speeds,
)
from tests.bodies import FPS

FRAMES = 8
EXACT = {"rtol": 0, "atol": 1e-9}
ALL = torch.ones(2, FRAMES, dtype=torch.bool)


def moving(velocity: list[float], planted: bool = True) -> GroundedMotion:
    """Two bodies whose joints all move at one constant velocity, m/s, their feet in contact or not."""
    seconds = torch.arange(FRAMES, dtype=torch.float64) / FPS
    p = seconds[:, None, None] * torch.tensor(velocity, dtype=torch.float64)
    contacts = torch.zeros(2, FRAMES, BODY_JOINTS - 1, dtype=torch.float64)
    contacts[..., [joint - 1 for joint in FEET]] = float(planted)
    depth = torch.zeros(2, FRAMES, BODY_JOINTS, dtype=torch.float64)
    return GroundedMotion(p.expand(2, FRAMES, BODY_JOINTS, 3), depth, contacts)


def test_a_planted_foot_slides_at_its_horizontal_speed():
    """0.3 m/s along x, 0.4 along y and any speed upwards is 0.5 m/s, half of it at the ends."""
    guess = moving([0.3, 0.4, 1.0])
    slide = sliding_speeds(guess, guess, ALL, FPS)
    expected = torch.full((2, FRAMES, len(FEET)), 0.5, dtype=torch.float64)
    expected[:, [0, -1]] = 0.25
    assert_close(slide[..., list(FEET)], expected, **EXACT)
    others = [joint for joint in range(BODY_JOINTS) if joint not in FEET]
    assert not bool(slide[..., others].any())


def test_a_foot_in_the_air_does_not_slide_whatever_the_guess_says_of_it():
    guess, truth = moving([0.3, 0.4, 0.0]), moving([0.3, 0.4, 0.0], planted=False)
    assert not bool(sliding_speeds(guess, truth, ALL, FPS).any())


def test_a_foot_slides_only_between_two_frames_of_contact():
    guess = moving([0.3, 0.0, 0.0])
    contacts = guess.contacts.clone()
    contacts[:, 4:] = 0
    slide = sliding_speeds(guess, replace(guess, contacts=contacts), ALL, FPS)[0, :, Joint.LEFT_FOOT]
    assert_close(slide, torch.tensor([0.15, 0.3, 0.3, 0.15, 0, 0, 0, 0], dtype=torch.float64), **EXACT)


def test_the_deepest_sole_point_of_each_joint_counts_and_none_above_the_floor():
    owners = (Joint.LEFT_ANKLE, Joint.LEFT_ANKLE, Joint.LEFT_FOOT, Joint.RIGHT_FOOT)
    height = torch.tensor([-0.01, -0.03, 0.02, -0.005], dtype=torch.float64).expand(2, FRAMES, 4)
    depth = penetration_depths(height, owners)
    assert_close(depth[..., Joint.LEFT_ANKLE], torch.full((2, FRAMES), 0.03, dtype=torch.float64), **EXACT)
    assert_close(depth[..., Joint.RIGHT_FOOT], torch.full((2, FRAMES), 0.005, dtype=torch.float64), **EXACT)
    assert int((depth > 0).sum()) == 2 * FRAMES * 2


def test_constant_motion_does_not_tremble_and_a_cubic_has_its_jerk():
    """p = a t³ has the jerk 6a; whoever has it while the person moves evenly is off by that."""
    even = moving([0.3, 0.4, 1.0])
    assert float(jitter_errors(even, moving([-1.0, 0.0, 0.0]), ALL, FPS).max()) < 1e-6
    seconds = torch.arange(FRAMES, dtype=torch.float64) / FPS
    cubic = even.p_world_joint.clone()
    cubic[..., 0] += 0.5 * seconds[:, None] ** 3
    errors = jitter_errors(replace(even, p_world_joint=cubic), even, ALL, FPS)
    expected = torch.tensor([0, 1.5, 3, 3, 3, 3, 1.5, 0], dtype=torch.float64)
    assert_close(errors, expected[:, None].expand(2, FRAMES, BODY_JOINTS), rtol=0, atol=1e-6)
    assert_close(jitter_errors(even, replace(even, p_world_joint=cubic), ALL, FPS), errors, **EXACT)


def test_the_fault_of_labels_is_what_their_score_lacks():
    """Claiming every contact where half are true: precision ½, recall 1, F₂ = 5 · ½ / (4 · ½ + 1) = 5/6.

    Claiming half of them where all are true has them the other way round: F₂ = 5 · ½ / (4 + ½) = 5/9.
    """
    all_claimed, truth = moving([0.0, 0.0, 0.0]).contacts, moving([0.0, 0.0, 0.0]).contacts.clone()
    truth[:, : FRAMES // 2] = 0
    each = torch.ones(2, dtype=torch.float64)
    assert_close(contact_faults(all_claimed, truth, ALL), each / 6, **EXACT)
    assert_close(contact_faults(truth, all_claimed, ALL), each * 4 / 9, **EXACT)
    assert not bool(contact_faults(truth, truth, ALL).any())
    assert not bool(contact_faults(all_claimed, 0 * truth, ALL).any())
    second_half = ALL & (torch.arange(FRAMES) >= FRAMES // 2)
    assert not bool(contact_faults(all_claimed, truth, second_half).any())


def test_padded_frames_slide_and_tremble_not_and_change_nothing():
    torch.manual_seed(0)
    guess = moving([0.3, 0.4, 1.0])
    guess = replace(guess, p_world_joint=guess.p_world_joint + torch.rand(2, FRAMES, BODY_JOINTS, 3).double())
    mask = ALL.clone()
    mask[:, 6:] = False
    worse = guess.p_world_joint.clone()
    worse[:, 6:] += 5.0
    for errors in (sliding_speeds, jitter_errors):
        one, other = (
            errors(motion, moving([0.0, 0.0, 0.0]), mask, FPS)
            for motion in (guess, replace(guess, p_world_joint=worse))
        )
        assert_close(one, other, **EXACT)
        assert not bool(one[:, 6:].any())
        assert bool(one[:, :6].any())
