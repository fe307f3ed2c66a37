"""Rolling feet, two-bone legs and jumps against closed forms."""

import numpy as np

from motiongrpo.motion.sources.synthetic.feet import PITCHES, rolling_foot, toe_bend
from motiongrpo.motion.sources.synthetic.lower_body import UPRIGHT, bend, jump_height
from motiongrpo.motion.sources.synthetic.plan import GRAVITY, TIPTOE, Hop
from motiongrpo.motion.sources.synthetic.primitives import about, rotate
from tests.motion.sources.synthetic.people import anatomy, rng


def test_an_upright_body_faces_x_with_its_left_to_y():
    leftward, up, forward = UPRIGHT.T
    np.testing.assert_allclose([forward, leftward, up], np.eye(3), rtol=0, atol=1e-12)


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


def test_a_jump_is_a_free_fall_between_take_off_and_landing():
    hop = Hop(takeoff=2.0, speed=1.8, crouch=0.2)
    flight = np.linspace(hop.takeoff, hop.landing, 50)
    since = flight - hop.takeoff
    parabola = TIPTOE + hop.speed * since - GRAVITY * since**2 / 2
    np.testing.assert_allclose(jump_height((hop,), flight), parabola, rtol=0, atol=1e-12)
    ends = jump_height((hop,), np.array([0.0, hop.takeoff - hop.push, 9.0]))
    np.testing.assert_allclose(ends, [0, -0.2, 0], rtol=0, atol=1e-12)
