"""Bouts and the paths that they integrate to, against closed forms."""

import numpy as np

from motiongrpo.motion.sources.synthetic.locomotion import Stretch, compose_bout, integrate
from motiongrpo.motion.sources.synthetic.plan import Travel, Velocity
from tests.motion.sources.synthetic.people import ALWAYS, rng, style, walk


def test_a_path_that_turns_steadily_goes_round_in_a_circle():
    path = integrate((Travel(ALWAYS, Velocity(1.5, 0.0, 0.5)),), 10.0, 0.0)
    t = np.linspace(0, 10, 57)
    circle = 3.0 * np.stack([np.sin(0.5 * t), 1 - np.cos(0.5 * t)], axis=-1)
    np.testing.assert_allclose(path.at(t).xy, circle, rtol=0, atol=1e-4)
    np.testing.assert_allclose(path.at(t).yaw, 0.5 * t, rtol=0, atol=1e-9)


def test_a_bout_starts_and_ends_at_rest_and_covers_its_distance_in_between():
    plan, path = walk(1.2)
    bout, span = plan.bouts[0], plan.travels[0].span
    state = path.at(np.array([bout.start, bout.stop]))
    np.testing.assert_allclose(state.speed, 0, rtol=0, atol=1e-5)
    seconds = span.stop - span.start + (span.fall - span.rise) / 2
    np.testing.assert_allclose(np.diff(state.xy[:, 0]), 1.2 * seconds, rtol=0, atol=1e-3)


def test_velocities_that_follow_each_other_fade_into_each_other():
    stretches = [Stretch("walk", 3.0, Velocity(1.0)), Stretch("run", 3.0, Velocity(3.0))]
    plan = compose_bout(0.0, stretches, style(), rng())
    path = integrate(plan.travels, plan.stop, 0.0)
    handover = np.linspace(3.0, 3.0 + plan.travels[1].span.rise, 100)
    speed = path.at(handover).forward
    assert (np.diff(speed) > -1e-9).all()
    assert speed.min() > 1 - 1e-6
    assert speed.max() < 3 + 1e-6
