"""The parts of synthetic motion against closed forms: switches, paths, rolling feet, legs, steps, arms."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from motiongrpo.body.body_model import SHAPE_COEFFICIENTS
from motiongrpo.motion.sources.synthetic.anatomy import Anatomy, measure
from motiongrpo.motion.sources.synthetic.arms import arm_rotations
from motiongrpo.motion.sources.synthetic.easing import Span, about, ease, rotate, soft_ramp
from motiongrpo.motion.sources.synthetic.foot_roll import PITCHES, rolling_foot, toe_bend
from motiongrpo.motion.sources.synthetic.footsteps import OUTSIDE, footfalls, plan_steps
from motiongrpo.motion.sources.synthetic.gait import rhythm
from motiongrpo.motion.sources.synthetic.guide import Guide, integrate
from motiongrpo.motion.sources.synthetic.leg_ik import bend
from motiongrpo.motion.sources.synthetic.pelvis import UPRIGHT, jump_height
from motiongrpo.motion.sources.synthetic.score import (
    GRAVITY,
    TIPTOE,
    ArmAngles,
    Hop,
    Posture,
    PostureChange,
    Score,
    Travel,
    Velocity,
    posture_at,
)
from motiongrpo.motion.sources.synthetic.style import AVERAGE_LEG, Style, draw_style
from motiongrpo.motion.sources.synthetic.travel import Stretch, compose_bout
from tests.motion.sources.synthetic_people import MODEL

ALWAYS = Span(-10.0, 1.0, 1000.0, 1.0)


def anatomy() -> Anatomy:
    return measure(MODEL.shaped(torch.zeros(SHAPE_COEFFICIENTS, dtype=torch.float64)))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def style() -> Style:
    return replace(draw_style(rng()), cadence=1.0)


def walk(speed: float, turn: float = 0.0) -> tuple[Score, Guide]:
    score = compose_bout(0.0, [Stretch("walk", 8.0, Velocity(speed, 0.0, turn))], style(), rng())
    return score, integrate(score.travels, score.stop, 0.0)


@pytest.mark.parametrize(("rise", "fall"), [(0.3, 0.3), (0.3, 0.18), (0.5, 0.5)])
def test_a_transition_goes_from_0_to_1_smoothly_and_no_faster_than_it_must(rise, fall):
    s = np.linspace(-0.5, 1.5, 20001)
    x = ease(s, rise, fall)
    speed = np.gradient(x, s)
    acceleration = np.gradient(speed, s)
    assert (x[s <= 0] == 0).all()
    np.testing.assert_allclose(x[s >= 1], 1, rtol=0, atol=1e-12)
    assert speed.min() > -1e-9
    np.testing.assert_allclose(speed.max(), 1 / (1 - (rise + fall) / 2), rtol=0, atol=1e-6)
    assert np.abs(np.diff(acceleration)).max() < 0.05  # a sine; a jump would be of 5 or more


def test_a_span_is_fully_in_force_between_its_rise_and_its_fall():
    span = Span(1.0, 0.5, 3.0, 0.25)
    times = np.array([0.0, 1.0, 1.25, 1.5, 2.0, 3.0, 3.125, 3.25, 9.0])
    np.testing.assert_allclose(span.weight(times), [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0], rtol=0, atol=1e-12)


def test_a_soft_ramp_has_slope_0_before_and_slope_1_after():
    x = np.array([-1.0, 0.0, 0.2, 0.4, 1.4])
    np.testing.assert_allclose(soft_ramp(x, 0.0, 0.4), [0, 0, 0.05, 0.2, 1.2], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("axis", "before", "after"), [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_quarter_turn_takes_each_axis_to_the_next(axis, before, after):
    turned = rotate(about(axis, np.pi / 2), np.eye(3)[before])
    np.testing.assert_allclose(turned, np.eye(3)[after], rtol=0, atol=1e-12)


def test_an_upright_body_faces_x_with_its_left_to_y():
    leftward, up, forward = UPRIGHT.T
    np.testing.assert_allclose([forward, leftward, up], np.eye(3), rtol=0, atol=1e-12)


def test_a_guide_that_turns_steadily_goes_round_in_a_circle():
    guide = integrate((Travel(ALWAYS, Velocity(1.5, 0.0, 0.5)),), 10.0, 0.0)
    t = np.linspace(0, 10, 57)
    circle = 3.0 * np.stack([np.sin(0.5 * t), 1 - np.cos(0.5 * t)], axis=-1)
    np.testing.assert_allclose(guide.at(t).xy, circle, rtol=0, atol=1e-4)
    np.testing.assert_allclose(guide.at(t).yaw, 0.5 * t, rtol=0, atol=1e-9)


def test_a_bout_starts_and_ends_at_rest_and_covers_its_distance_in_between():
    score, guide = walk(1.2)
    bout, span = score.bouts[0], score.travels[0].span
    state = guide.at(np.array([bout.start, bout.stop]))
    np.testing.assert_allclose(state.speed, 0, rtol=0, atol=1e-5)
    seconds = span.stop - span.start + (span.fall - span.rise) / 2
    np.testing.assert_allclose(np.diff(state.xy[:, 0]), 1.2 * seconds, rtol=0, atol=1e-3)


def test_velocities_that_follow_each_other_fade_into_each_other():
    stretches = [Stretch("walk", 3.0, Velocity(1.0)), Stretch("run", 3.0, Velocity(3.0))]
    score = compose_bout(0.0, stretches, style(), rng())
    guide = integrate(score.travels, score.stop, 0.0)
    handover = np.linspace(3.0, 3.0 + score.travels[1].span.rise, 100)
    speed = guide.at(handover).forward
    assert (np.diff(speed) > -1e-9).all()
    assert speed.min() > 1 - 1e-6
    assert speed.max() < 3 + 1e-6


def test_a_rolling_foot_neither_sinks_nor_slips():
    """Follow every sole point through the roll: the lowest one stays at rest on the floor."""
    for leg in anatomy().legs:
        pitch = np.radians(np.arange(-30.0, 70.0, 0.5))
        height, advance = rolling_foot(leg).at(pitch)
        ankle = np.stack([np.zeros_like(pitch), height, advance], axis=-1)[:, None]
        R_foot, R_toes = about(0, pitch)[:, None], about(0, pitch - toe_bend(pitch))[:, None]
        heel = ankle + rotate(R_foot, leg.heel_sole)
        toes = ankle + rotate(R_foot, leg.foot) + rotate(R_toes, leg.toe_sole)
        soles = np.concatenate([heel, toes], axis=1)
        np.testing.assert_allclose(soles[..., 1].min(axis=1), 0, rtol=0, atol=2e-5)
        lowest = soles[..., 1].argmin(axis=1)[:-1]
        row = np.arange(len(pitch) - 1)
        slip = soles[row + 1, lowest, 2] - soles[row, lowest, 2]
        np.testing.assert_allclose(slip, 0, rtol=0, atol=5e-5)
        assert height[-1] > height[60] + 0.1  # the heel does rise


def test_toes_stay_flat_while_the_heel_begins_to_rise_and_bend_no_further_than_toes_do():
    bends = toe_bend(PITCHES)
    assert (bends[PITCHES <= 0] == 0).all()
    rising = (PITCHES > 0.1) & (PITCHES < 0.6)
    assert np.abs(PITCHES - bends)[rising].max() < np.radians(3)
    assert bends.max() < np.radians(45)


def test_a_leg_reaches_its_ankle_with_the_knee_ahead():
    leg = anatomy().legs[0]
    generator = rng()
    reach = generator.uniform(0.5, 0.99, 200)[:, None] * leg.length
    down = np.column_stack([0.5 * generator.normal(size=(200, 2)), -np.ones(200)])
    to_ankle = reach * down / np.linalg.norm(down, axis=1, keepdims=True)
    ahead = np.tile([1.0, 0.0, 0.0], (200, 1))
    thigh, shank, hinge = bend(leg, to_ankle, ahead)
    lengths = np.linalg.norm(leg.thigh), np.linalg.norm(leg.shank)
    np.testing.assert_allclose(lengths[0] * thigh + lengths[1] * shank, to_ankle, rtol=0, atol=1e-12)
    for direction in (thigh, shank):
        np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1, rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.sum(direction * hinge, axis=1), 0, rtol=0, atol=1e-12)
    assert (np.sum(np.cross(thigh, shank) * hinge, axis=1) > 0).all()


@pytest.mark.parametrize("speed", [0.8, 1.3, 1.8, 3.0])
def test_feet_take_turns_and_each_lifts_only_after_it_has_landed(speed):
    score, guide = walk(speed)
    steps = [step for step in plan_steps(score, guide, style()) if step.bout != OUTSIDE]
    assert [step.side for step in steps] == [(steps[0].side + i) % 2 for i in range(len(steps))]
    for first, second in zip(steps[:-2], steps[2:], strict=True):
        assert first.lift < first.land < second.lift < second.land
    for first, second in pairwise(steps):
        overlap = first.land < second.lift
        assert overlap or speed > 2  # only runners lift one foot before the other is down


@pytest.mark.parametrize("speed", [0.8, 1.3, 1.8])
def test_footholds_are_a_step_apart_ahead_and_a_step_width_apart_aside(speed):
    score, guide = walk(speed)
    steps = plan_steps(score, guide, style())
    left, right = (footfalls(steps, side, guide, style(), rng()) for side in range(2))
    middle = slice(4, 7)
    stride = np.diff(left.xy[middle, 0])
    cadence = np.diff(left.land[middle])
    np.testing.assert_allclose(stride, speed * cadence, rtol=0, atol=0.08)  # they scatter by 1 cm
    width = left.xy[middle, 1].mean() - right.xy[middle, 1].mean()
    assert abs(width - style().step_width) < 0.03


def test_steps_are_longer_and_quicker_at_speed_and_slower_on_long_legs():
    def step(speed: float, leg: float) -> float:
        score, guide = walk(speed)
        land = [s.land for s in plan_steps(score, guide, style().on_legs(leg)) if s.bout != OUTSIDE]
        return land[6] - land[5]

    assert step(1.7, AVERAGE_LEG) < step(0.8, AVERAGE_LEG)
    assert 1.7 * step(1.7, AVERAGE_LEG) > 0.8 * step(0.8, AVERAGE_LEG)
    np.testing.assert_allclose(step(1.2, 4 * AVERAGE_LEG), 2 * step(1.2, AVERAGE_LEG), rtol=0, atol=1e-3)


@pytest.mark.parametrize("first_side", [0, 1])
def test_the_phase_of_the_gait_is_even_when_the_left_foot_lands_and_odd_for_the_right(first_side):
    score, guide = walk(1.2)
    score = replace(score, bouts=(replace(score.bouts[0], first_side=first_side),))
    steps = [step for step in plan_steps(score, guide, style()) if step.bout != OUTSIDE]
    phase = rhythm(tuple(steps), np.array([step.land for step in steps])).phase
    np.testing.assert_allclose(phase % 2, [step.side for step in steps], rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.diff(phase), 1, rtol=0, atol=1e-9)


def test_a_jump_is_a_free_fall_between_take_off_and_landing():
    hop = Hop(takeoff=2.0, speed=1.8, crouch=0.2)
    flight = np.linspace(hop.takeoff, hop.landing, 50)
    since = flight - hop.takeoff
    parabola = TIPTOE + hop.speed * since - GRAVITY * since**2 / 2
    np.testing.assert_allclose(jump_height((hop,), flight), parabola, rtol=0, atol=1e-12)
    ends = jump_height((hop,), np.array([0.0, hop.takeoff - hop.push, 9.0]))
    np.testing.assert_allclose(ends, [0, -0.2, 0], rtol=0, atol=1e-12)


def test_postures_add():
    changes = tuple(PostureChange(ALWAYS, Posture(drop=0.1, pitch=x)) for x in (0.2, 0.3))
    posture = posture_at(changes, np.array([0.0, 1.0]))
    np.testing.assert_allclose(posture.drop, 0.2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(posture.pitch, 0.5, rtol=0, atol=1e-12)
    np.testing.assert_allclose(posture.roll, 0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("angles", "elbow", "hand"),
    [
        (ArmAngles(), (0, -1, 0), (0, -2, 0)),
        (ArmAngles(flexion=np.pi / 2), (0, 0, 1), (0, 0, 2)),
        (ArmAngles(abduction=np.pi / 2), (1, 0, 0), (2, 0, 0)),
        (ArmAngles(elbow=np.pi / 2), (0, -1, 0), (0, -1, 1)),
        (ArmAngles(elbow=np.pi / 2, twist=np.pi / 2), (0, -1, 0), (-1, -1, 0)),
    ],
)
def test_arms_hang_reach_forward_and_bend_alike_on_both_sides(angles, elbow, hand):
    """With bones of length one along x; the twist of the right arm mirrors that of the left."""
    frames = ArmAngles(*(np.full(1, angle) for angle in angles))
    for side, mirror in enumerate((1, -1)):
        collar, shoulder, bent, _ = (arm_rotations(side, frames)[0, i] for i in range(4))
        bone = np.array([mirror, 0, 0])
        upper = collar @ shoulder @ bone
        np.testing.assert_allclose(upper * [mirror, 1, 1], elbow, rtol=0, atol=1e-12)
        tip = upper + collar @ shoulder @ bent @ bone
        np.testing.assert_allclose(tip * [mirror, 1, 1], hand, rtol=0, atol=1e-12)
