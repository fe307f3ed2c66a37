"""Faults against closed forms: feet of known speed, soles of known depth, labels of known precision."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.rewards.plausibility import (
    GroundedMotion,
    contact_faults,
    penetration_depths,
    sliding_speeds,
)
from tests.bodies import FPS

FRAMES = 8
EXACT = {"rtol": 0, "atol": 1e-9}
ALL = torch.ones(2, FRAMES, dtype=torch.bool)


def moving(velocity: list[float], planted: bool = True) -> GroundedMotion:
    """Two bodies with all joints at one constant velocity, m/s, and feet in contact or not."""
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


def test_the_fault_of_labels_is_what_f1_lacks():
    """If every contact is claimed and half are true, recall is 1 and precision 1/2, so F1 is 2/3."""
    all_claimed, truth = moving([0.0, 0.0, 0.0]).contacts, moving([0.0, 0.0, 0.0]).contacts.clone()
    truth[:, : FRAMES // 2] = 0
    third = torch.full((2,), 1 / 3, dtype=torch.float64)
    assert_close(contact_faults(all_claimed, truth, ALL), third, **EXACT)
    assert not bool(contact_faults(truth, truth, ALL).any())
    assert not bool(contact_faults(all_claimed, 0 * truth, ALL).any())
    second_half = ALL & (torch.arange(FRAMES) >= FRAMES // 2)
    assert not bool(contact_faults(all_claimed, truth, second_half).any())


def test_padded_frames_do_not_slide_and_change_nothing():
    torch.manual_seed(0)
    guess = moving([0.3, 0.4, 1.0])
    guess = replace(guess, p_world_joint=guess.p_world_joint + torch.rand(2, FRAMES, BODY_JOINTS, 3).double())
    mask = ALL.clone()
    mask[:, 6:] = False
    worse = guess.p_world_joint.clone()
    worse[:, 6:] += 5.0
    one, other = (
        sliding_speeds(motion, guess, mask, FPS) for motion in (guess, replace(guess, p_world_joint=worse))
    )
    assert_close(one, other, **EXACT)
    assert not bool(one[:, 6:].any())
    assert bool(one[:, :6].any())
