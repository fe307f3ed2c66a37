import pytest
import torch

from motiongrpo.motion.cadence import cadence_doubt, walk_ratio


def walker(step_m: float, step_s: float, fps: float = 30.0, seconds: float = 12.0) -> torch.Tensor:
    """Joints of a person who walks along x, with steps of `step_m` metres and `step_s` seconds."""
    t = torch.arange(seconds * fps, dtype=torch.float64) / fps
    p = torch.zeros(len(t), 22, 3, dtype=torch.float64)
    p[:, :, 0] = (step_m / step_s * t)[:, None]
    swing = 0.5 * step_m * torch.sin(torch.pi * t / step_s)
    p[:, 7, 0] += swing
    p[:, 8, 0] -= swing
    return p


@pytest.mark.parametrize(("step_m", "step_s"), [(0.5, 0.6), (0.7, 0.5), (1.2, 0.35)])
def test_the_walk_ratio_is_length_times_duration_of_a_step(step_m, step_s):
    ratio = walk_ratio(walker(step_m, step_s), 30.0)
    assert ratio == pytest.approx(step_m * step_s, rel=0.12)
    assert cadence_doubt(ratio) == ""


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        (4, "fast: the true rate is likely a half or a quarter"),
        (0.25, "slow: the true rate is likely 2 or 4 times"),
    ],
)
def test_a_rate_that_is_off_by_four_is_doubted(share, sentence):
    ratio = walk_ratio(walker(0.7, 0.55, fps=120.0, seconds=16.0), 120.0 * share)
    assert ratio == pytest.approx(0.385 / share, rel=0.05)
    assert sentence in cadence_doubt(ratio)


def test_who_stands_or_takes_few_or_uneven_steps_says_nothing():
    assert walk_ratio(torch.zeros(300, 22, 3), 30.0) is None
    assert walk_ratio(torch.zeros(3, 22, 3), 30.0) is None
    assert walk_ratio(walker(0.7, 0.55, seconds=2.5), 30.0) is None
    even = walker(0.7, 0.5)
    uneven = torch.cat([even[:120], even[120::3]])
    assert walk_ratio(even, 30.0) is not None
    assert walk_ratio(uneven, 30.0) is None
