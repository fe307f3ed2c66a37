"""Primitives against closed forms: transitions, spans, rotations."""

import numpy as np
import pytest

from motiongrpo.motion.sources.synthetic.primitives import Span, about, ease, rotate, soft_ramp


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
