"""Ticks of any unit, converted to seconds."""

import numpy as np
import pytest

from motiongrpo.head.formats.clock import seconds, unit_of_steps, unit_of_ticks


@pytest.mark.parametrize(
    ("unit", "per_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("100ns", 1e7), ("ns", 1e9)]
)
def test_a_second_has_as_many_ticks_as_its_unit_says(unit, per_second):
    np.testing.assert_allclose(seconds(np.array([0.0, per_second, 2.5 * per_second]), unit), [0, 1, 2.5])


def test_a_date_in_ticks_is_rounded_once():
    ticks = np.array([638423096965740160])
    assert seconds(ticks, "100ns")[0] == 63842309696.574016


def test_fractions_are_no_ticks_and_whole_numbers_are():
    assert unit_of_ticks(np.array([0.5, 1.5]), "100ns") == "s"
    assert unit_of_ticks(np.array([5e8, np.nan]), "100ns") == "100ns"
    assert unit_of_ticks(np.array([0.5]), "ms") == "ms"


@pytest.mark.parametrize(
    ("unit", "per_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("100ns", 1e7), ("ns", 1e9)]
)
def test_the_rate_of_a_headset_tells_the_unit_of_its_clock(unit, per_second):
    ticks = per_second * (5 + np.arange(9) / 72)
    ticks[3] = np.nan
    assert unit_of_steps(ticks) == unit


@pytest.mark.parametrize("steps", [2.0, 0.2, 1e2, 50_000.0, np.nan])
def test_a_rate_of_no_headset_or_of_two_tells_nothing(steps):
    """Steps of 50,000 ticks are 20 rows a second in µs, and 200 in 100 ns."""
    assert unit_of_steps(steps * np.arange(9.0)) is None
    assert unit_of_steps(np.array([1.0])) is None
