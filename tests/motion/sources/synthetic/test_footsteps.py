"""When feet leave the floor, where they come down, and the phase of the gait."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from motiongrpo.motion.sources.synthetic.footsteps import OUTSIDE, footfalls, plan_steps
from motiongrpo.motion.sources.synthetic.subject import AVERAGE_LEG
from motiongrpo.motion.sources.synthetic.timeline import rhythm
from tests.motion.sources.synthetic.people import rng, style, walk


@pytest.mark.parametrize("speed", [0.8, 1.3, 1.8, 3.0])
def test_feet_take_turns_and_each_lifts_only_after_it_has_landed(speed):
    plan, path = walk(speed)
    steps = [step for step in plan_steps(plan, path, style()) if step.bout != OUTSIDE]
    assert [step.side for step in steps] == [(steps[0].side + i) % 2 for i in range(len(steps))]
    for first, second in zip(steps[:-2], steps[2:], strict=True):
        assert first.lift < first.land < second.lift < second.land
    for first, second in pairwise(steps):
        overlap = first.land < second.lift
        assert overlap or speed > 2  # only runners lift one foot before the other is down


@pytest.mark.parametrize("speed", [0.8, 1.3, 1.8])
def test_footholds_are_a_step_apart_ahead_and_a_step_width_apart_aside(speed):
    plan, path = walk(speed)
    steps = plan_steps(plan, path, style())
    left, right = (footfalls(steps, side, path, style(), rng()) for side in range(2))
    middle = slice(4, 7)
    stride = np.diff(left.xy[middle, 0])
    cadence = np.diff(left.land[middle])
    np.testing.assert_allclose(stride, speed * cadence, rtol=0, atol=0.08)  # they scatter by 1 cm
    width = left.xy[middle, 1].mean() - right.xy[middle, 1].mean()
    assert abs(width - style().step_width) < 0.03


def test_steps_are_longer_and_quicker_at_speed_and_slower_on_long_legs():
    def step(speed: float, leg: float) -> float:
        plan, path = walk(speed)
        land = [s.land for s in plan_steps(plan, path, style().on_legs(leg)) if s.bout != OUTSIDE]
        return land[6] - land[5]

    assert step(1.7, AVERAGE_LEG) < step(0.8, AVERAGE_LEG)
    assert 1.7 * step(1.7, AVERAGE_LEG) > 0.8 * step(0.8, AVERAGE_LEG)
    np.testing.assert_allclose(step(1.2, 4 * AVERAGE_LEG), 2 * step(1.2, AVERAGE_LEG), rtol=0, atol=1e-3)


@pytest.mark.parametrize("first_side", [0, 1])
def test_the_phase_of_the_gait_is_even_when_the_left_foot_lands_and_odd_for_the_right(first_side):
    plan, path = walk(1.2)
    plan = replace(plan, bouts=(replace(plan.bouts[0], first_side=first_side),))
    steps = [step for step in plan_steps(plan, path, style()) if step.bout != OUTSIDE]
    phase = rhythm(tuple(steps), np.array([step.land for step in steps])).phase
    np.testing.assert_allclose(phase % 2, [step.side for step in steps], rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.diff(phase), 1, rtol=0, atol=1e-9)
