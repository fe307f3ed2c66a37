"""Guidance: what satisfies all stays, feet stop sliding, soles meet the floor, the head is where it was."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.kinematics import sole_positions
from motiongrpo.body.skeleton import FEET, Joint
from motiongrpo.diffusion.guidance import (
    GRAVITY_M_S2,
    SOFTNESS_M,
    SUNK_M,
    GuidanceConfig,
    GuidedPose,
    Objective,
    falling,
    guided,
    lowest,
)
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from tests.bodies import FPS, open_body, window_batch

CONFIG = GuidanceConfig(
    enabled=True,
    iterations=3,
    rotation=10.0,
    rotation_rate=0.01,
    position=10.0,
    acceleration=1e-5,
    sliding=5.0,
    penetration=20.0,
    sinking=300.0,
    support=800.0,
)
FOOT_LABELS = [joint - 1 for joint in FEET]


def standing(frames: int = 16, speed_m_s: float = 0.0, height_m: float = 0.0) -> PlacedMotion:
    """The zero pose, soles at a height, carried along by its head; all feet are labelled as in contact."""
    zero = torch.zeros(1, frames, 7, dtype=torch.float64)
    zero[..., :4] = 0.5  # y up and z forward become z up and x forward
    contacts = torch.zeros(1, frames, 21, dtype=torch.float64)
    contacts[..., FOOT_LABELS] = 1.0
    motion = PlacedMotion(
        betas=torch.zeros(1, 16, dtype=torch.float64),
        R_parent_joint=torch.eye(3, dtype=torch.float64).repeat(1, frames, 21, 1, 1),
        contacts=contacts,
        T_world_cpf=zero,
        mask=torch.ones(1, frames, dtype=torch.bool),
    )
    head = zero.clone()
    head[..., 4] = speed_m_s / FPS * torch.arange(frames)
    head[..., 6] = height_m - lowest_sole(motion).min()
    return replace(motion, T_world_cpf=head)


def shaken(frames: int = 16, count: int = 2, by_rad: float = 0.03) -> PlacedMotion:
    """Synthetic motion of which every joint shakes, so that feet slide and sink."""
    motion = PlacedMotion.truth(window_batch(frames, count))
    noise = torch.randn(count, frames, 21, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return replace(motion, R_parent_joint=motion.R_parent_joint @ matrix_from_rotation_vector(by_rad * noise))


def lowest_sole(motion: PlacedMotion) -> torch.Tensor:
    return sole_positions(*motion.posed(open_body()))[..., 2].amin(dim=-1)


def foot_speed_m_s(motion: PlacedMotion) -> torch.Tensor:
    feet = motion.posed(open_body())[1].p_world_joint[:, :, list(FEET)]
    return feet.diff(dim=1).norm(dim=-1) * FPS


def refined(motion: PlacedMotion, **changed: float) -> PlacedMotion:
    return guided(motion, open_body(), FPS, CONFIG.model_copy(update=changed))


def test_a_motion_that_stands_on_the_floor_stays_as_it_is():
    motion = standing(height_m=0.001)
    assert_close(refined(motion).R_parent_joint, motion.R_parent_joint, rtol=0, atol=1e-9)


def test_a_body_that_glides_evenly_without_contact_stays_as_it_is():
    motion = standing(speed_m_s=0.5, height_m=0.001)
    motion = replace(motion, contacts=torch.zeros_like(motion.contacts))
    assert_close(refined(motion).R_parent_joint, motion.R_parent_joint, rtol=0, atol=1e-6)


def test_feet_in_contact_stop_sliding_and_the_head_goes_on_as_before():
    sliding = standing(speed_m_s=0.2, height_m=0.001)
    stopped = refined(sliding, sliding=1e3)
    assert foot_speed_m_s(sliding).min() > 0.19
    assert foot_speed_m_s(stopped).max() < 0.002
    before, after = (motion.posed(open_body())[1].joint(Joint.HEAD) for motion in (sliding, stopped))
    assert_close(after.R, before.R, rtol=0, atol=1e-12)
    assert_close(after.p, before.p, rtol=0, atol=1e-12)


def test_feet_without_contact_go_on_sliding():
    sliding = standing(speed_m_s=0.2, height_m=0.001)
    lifted = replace(sliding, contacts=torch.zeros_like(sliding.contacts))
    assert foot_speed_m_s(refined(lifted)).min() > 0.19


def test_soles_below_the_floor_are_lifted_to_it():
    sunk = standing(height_m=-0.03)
    assert lowest_sole(sunk).max() < -0.029
    assert lowest_sole(refined(sunk, penetration=1e5, iterations=10)).min() > -0.001


def test_soles_deeper_than_five_centimetres_are_lifted_to_there_and_others_left():
    only = {"penetration": 0, "sinking": 1e5, "iterations": 10}
    deep, shallow = standing(height_m=-0.1), standing(height_m=0.001 - SUNK_M)
    assert lowest_sole(refined(deep, **only)).min() == pytest.approx(-SUNK_M, abs=0.002)
    assert_close(refined(shallow, **only).R_parent_joint, shallow.R_parent_joint, rtol=0, atol=1e-9)


@pytest.mark.parametrize("contact", [0.0, 1.0])
def test_a_body_that_hovers_is_put_on_the_floor(contact: float):
    hovering = standing(height_m=0.05)
    hovering = replace(hovering, contacts=torch.full_like(hovering.contacts, contact))
    landed = lowest_sole(refined(hovering, support=1e5, iterations=10))
    assert landed.max() < 0.015
    assert landed.min() > -0.005


def test_a_body_in_free_fall_is_left_in_the_air():
    hovering, t = standing(frames=30, height_m=0.5), (torch.arange(30) - 14.5) / FPS
    hovering.T_world_cpf[..., 6] -= GRAVITY_M_S2 / 2 * t.square()
    assert_close(refined(hovering).R_parent_joint, refined(hovering, support=0).R_parent_joint)


def test_a_head_falls_where_it_accelerates_down_and_a_tenth_of_a_second_around():
    t = torch.arange(60) / FPS
    falls = GRAVITY_M_S2 / 2 * (t - 1.0).clamp(min=0).square()
    mask = torch.ones(1, 60, dtype=torch.bool)
    found = falling(1.6 - falls[None], mask, FPS)[0]
    assert not found[:26].any()
    assert found[30:].all()
    assert not falling(1.6 + falls[None], mask, FPS).any()
    assert not falling(1.6 - 0.4 * falls[None], mask, FPS).any()


def test_a_head_that_rises_into_padding_does_not_fall():
    height = 1.0 + (torch.arange(60) / FPS).clamp(max=1.0)[None]
    assert falling(height, torch.ones(1, 60, dtype=torch.bool), FPS).any()
    assert not falling(height, (torch.arange(60) <= 30)[None], FPS).any()


def test_the_lowest_sole_is_the_smooth_minimum_and_its_shares_are_the_derivative():
    height = torch.tensor([[[0.1, 0.1, 0.4], [0.3, -0.2, 0.5]]], dtype=torch.float64, requires_grad=True)
    low, share = lowest(height)
    assert_close(low, torch.tensor([[0.1 - SOFTNESS_M * math.log(2), -0.2]], dtype=torch.float64))
    assert_close(torch.autograd.grad(low.sum(), height)[0], share)


def test_every_step_that_is_taken_lowers_the_objective():
    motion, body = shaken(), open_body()
    objective = Objective.of(motion, body, FPS, CONFIG)

    def value(iterations: int) -> torch.Tensor:
        rotations = refined(motion, iterations=iterations).R_parent_joint
        return objective.value(GuidedPose.of(motion, body, rotations))

    before, once, twice = objective.value(objective.start), value(1), value(2)
    assert (once < 0.5 * before).all()
    assert (twice <= once).all()


def test_a_step_that_goes_too_far_is_cut_short_and_helps():
    motion = shaken(by_rad=1.0)
    objective = Objective.of(motion, open_body(), FPS, CONFIG)
    once, twice = (
        GuidedPose.of(motion, open_body(), refined(motion, iterations=steps).R_parent_joint)
        for steps in (1, 2)
    )
    whole = objective.turned(once, objective.step(once))
    assert (objective.value(whole) > objective.value(once)).any()
    assert (objective.value(twice) < 0.9 * objective.value(once)).all()


def test_a_motion_that_a_step_hardly_improves_takes_no_more():
    motion, body = shaken(), open_body()
    long, longer = (refined(motion, iterations=steps) for steps in (20, 50))
    assert torch.equal(long.R_parent_joint, longer.R_parent_joint)
    objective = Objective.of(motion, body, FPS, CONFIG)
    end = GuidedPose.of(motion, body, long.R_parent_joint)
    further = objective.value(objective.turned(end, objective.step(end)))
    assert (further > 0.98 * objective.value(end)).all()


def test_the_gradient_is_that_of_the_objective():
    """Against the derivative along random turns, taken by differences: half of it is g · turn."""
    motion, body = shaken(frames=8), open_body()
    motion.T_world_cpf[..., 6] -= 0.08  # all soles are charged, some of them twice
    objective = Objective.of(motion, body, FPS, CONFIG)
    pose = GuidedPose.of(motion, body, refined(motion, iterations=1).R_parent_joint)
    turn = 1e-5 * torch.randn(2, 8, 21, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = objective.gradient(pose, *objective.jacobians(pose)).view_as(turn)

    def value(sign: float) -> torch.Tensor:
        R = pose.R_parent_joint @ matrix_from_rotation_vector(sign * turn)
        return objective.value(GuidedPose.of(motion, body, R))

    slope = (value(1.0) - value(-1.0)) / 4
    assert_close((gradient * turn).sum((1, 2, 3)), slope, rtol=0.02, atol=0)


def test_a_motion_alone_is_refined_as_in_company():
    motion = shaken()
    together = refined(motion).R_parent_joint
    alone = torch.cat([refined(motion.rows(slice(i, i + 1))).R_parent_joint for i in range(2)])
    assert_close(together, alone, rtol=0, atol=1e-9)


def test_padding_changes_nothing_and_stays_as_it_is():
    motion = shaken()
    padded = replace(motion, mask=motion.mask & (torch.arange(16) < 12))
    found, short = refined(padded), refined(short_of(motion, 12))
    assert_close(found.R_parent_joint[:, :12], short.R_parent_joint, rtol=0, atol=1e-9)
    assert_close(found.R_parent_joint[:, 12:], motion.R_parent_joint[:, 12:], rtol=0, atol=1e-12)


def test_four_seconds_in_single_precision_come_out_the_same_twice_with_feet_that_hold():
    motion = single(shaken(frames=120, count=1))
    once, again = refined(motion), refined(motion)
    assert torch.equal(once.R_parent_joint, again.R_parent_joint)
    planted = (motion.contacts[:, 1:, FOOT_LABELS] + motion.contacts[:, :-1, FOOT_LABELS]) == 2
    before, after = (foot_speed_m_s(m)[planted].mean() for m in (motion, once))
    assert after < 0.4 * before
    identity = once.R_parent_joint @ once.R_parent_joint.mT
    assert_close(identity, torch.eye(3).expand_as(identity), rtol=0, atol=1e-5)


def short_of(motion: PlacedMotion, frames: int) -> PlacedMotion:
    per_frame = ("R_parent_joint", "contacts", "T_world_cpf", "mask")
    return replace(motion, **{name: getattr(motion, name)[:, :frames] for name in per_frame})


def single(motion: PlacedMotion) -> PlacedMotion:
    values = {
        name: getattr(motion, name).float() for name in ("betas", "R_parent_joint", "contacts", "T_world_cpf")
    }
    return replace(motion, **values)


def test_two_frames_are_too_few():
    with pytest.raises(ValueError, match="motions must have at least 3 frames, got 2"):
        refined(standing(frames=2))
