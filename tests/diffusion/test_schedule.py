import math

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.schedule import LEVELS, MAX_BETA, cosine_alpha_bar, signal_to_noise, squared_levels

ALPHA_BAR = cosine_alpha_bar()


def test_the_schedule_is_the_published_one():
    expected = {
        0: 1.0,
        1: 0.999958715775,
        2: 0.999912575927,
        100: 0.972092737114,
        250: 0.847012161327,
        500: 0.493843590441,
        841: 0.0601554185,
        900: 0.0240917241,
        1000: 2.42877e-9,
    }
    for level, value in expected.items():
        assert abs(float(ALPHA_BAR[level]) - value) < 1e-10, level
    assert abs(float(ALPHA_BAR[LEVELS]) - 2.42877e-9) < 1e-14


def test_signal_only_fades_and_never_quite_goes():
    assert ALPHA_BAR.dtype == torch.float64
    assert ALPHA_BAR.shape == (LEVELS + 1,)
    assert (ALPHA_BAR.diff() < 0).all()
    assert float(ALPHA_BAR[-1]) > 0


def test_only_the_last_step_is_held_at_the_greatest_beta():
    beta = 1 - ALPHA_BAR[1:] / ALPHA_BAR[:-1]
    assert_close(beta[-1], torch.tensor(MAX_BETA, dtype=torch.float64), rtol=0, atol=1e-12)
    assert float(beta[:-1].max()) < MAX_BETA


def test_between_the_ends_the_signals_root_is_a_cosine():
    """The clip changes only the last level, so the closed form holds below it."""
    x = torch.arange(LEVELS, dtype=torch.float64) / LEVELS
    closed = torch.cos((x + 0.008) / 1.008 * torch.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)
    assert_close(ALPHA_BAR[:-1].sqrt(), closed, rtol=0, atol=1e-12)


def test_signal_to_noise_is_one_where_half_the_variance_is_signal():
    assert_close(signal_to_noise(torch.tensor([0.5, 0.75, 0.0])), torch.tensor([1.0, 3.0, 0.0]))


def test_thirty_squared_levels_are_egoallos():
    assert squared_levels(30) == [
        *(1000, 841, 784, 729, 676, 625, 576, 529, 484, 441, 400, 361, 324, 289, 256, 225),
        *(196, 169, 144, 121, 100, 81, 64, 49, 36, 25, 16, 9, 4, 1, 0),
    ]


@pytest.mark.parametrize("steps", range(2, 31))
def test_levels_fall_from_noise_to_clean_without_repeating(steps):
    levels = squared_levels(steps)
    assert (levels[0], levels[-1], len(levels)) == (LEVELS, 0, steps + 1)
    assert levels == sorted(set(levels), reverse=True)


@pytest.mark.parametrize("steps", [1, 31])
def test_numbers_of_steps_without_distinct_levels_are_refused(steps):
    with pytest.raises(ValueError, match=rf"steps must lie in 2…30, where .* got {steps}"):
        squared_levels(steps)
