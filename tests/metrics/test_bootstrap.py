"""Intervals against normal theory, which is their limit for many sequences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from motiongrpo.metrics.bootstrap import draw_people, draw_sequences, estimate

RESAMPLES = 4000
ONE = np.ones


def table(lengths: np.ndarray, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of sequences that differ by `spread` and, within a sequence, slightly."""
    rng = np.random.default_rng(seed)
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    values = 100 + spread * rng.standard_normal(len(lengths))[sequence] + rng.standard_normal(len(sequence))
    return values[:, None], sequence


def draw_over_sequences(owners: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Resamples of sequences, regardless of their subjects."""
    return draw_sequences(len(owners), resamples, rng)


@pytest.mark.parametrize("lengths", [np.full(300, 6), np.random.default_rng(9).integers(1, 12, 300)])
def test_the_interval_is_the_normal_one_of_a_ratio_of_sums_over_sequences(lengths):
    """Var = Σ_s (Σ_w (v − mean))² / N². Drawing windows instead would give an interval half as wide or less.

    The error of a bound of a percentile interval of R resamples is √(p(1−p)/R)/φ(1.96) ≈ 0.04 standard
    errors.
    """
    values, sequence = table(lengths, spread=5, seed=1)
    rng = np.random.default_rng(0)
    found = estimate(values, ONE(len(values)), sequence, draw_sequences(len(lengths), RESAMPLES, rng))
    mean = values.mean()
    residual = np.bincount(sequence, (values - mean)[:, 0])
    error = np.sqrt((residual**2).sum()) / len(values)
    assert_allclose(found.mean, [mean], rtol=0, atol=1e-10)
    assert_allclose(found.low, [mean - 1.96 * error], rtol=0, atol=0.2 * error)
    assert_allclose(found.high, [mean + 1.96 * error], rtol=0, atol=0.2 * error)


def test_the_interval_contains_the_true_mean_about_95_times_in_100():
    inside = 0
    for seed in range(200):
        values, sequence = table(np.full(40, 3), spread=5, seed=seed)
        draws = draw_sequences(40, 500, np.random.default_rng(seed))
        found = estimate(values, ONE(len(values)), sequence, draws)
        inside += found.low[0] <= 100 <= found.high[0]
    assert (
        178 <= inside <= 199
    )  # 190 expected, less a little for 40 sequences; four standard deviations are 12


@pytest.mark.parametrize(("draw", "covers"), [(draw_people, True), (draw_over_sequences, False)])
def test_only_an_interval_over_people_holds_for_other_people(draw, covers):
    """People differ by 5, their sequences by 1: the interval over sequences is √5 times too narrow.

    Its coverage is 2Φ(1.96/√5) − 1 = 62 % of 95. Over people it is below 95 % by the bias of the bootstrap's
    variance, (n − 1)/n for n = 20 people, and by Student's t: 93 %. Four deviations of 200 trials are 7 %.
    """
    owners = np.repeat(np.arange(20), 5)
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        means = 100 + 5 * rng.standard_normal(20)[owners] + rng.standard_normal(100)
        found = estimate(means[:, None], ONE(100), np.arange(100), draw(owners, 500, rng))
        inside += found.low[0] <= 100 <= found.high[0]
    assert (172 <= inside <= 199) if covers else (inside < 160)


def test_few_subjects_all_stay_and_their_own_sequences_are_drawn():
    owners = np.array(["a", "a", "a", "b", "b"])
    draws = draw_people(owners, 300, np.random.default_rng(0))
    assert (draws[:, :3].sum(1) == 3).all()
    assert (draws[:, 3:].sum(1) == 2).all()
    assert len(np.unique(draws[:, :3], axis=0)) == 10  # multisets of three out of three


def test_many_subjects_are_drawn_whole_before_their_sequences():
    owners = np.repeat(np.arange(6).astype(str), 4)
    draws = draw_people(owners, 4000, np.random.default_rng(0))
    by_subject = draws.reshape(-1, 6, 4).sum(2)
    assert (by_subject % 4 == 0).all()
    assert (by_subject.sum(1) == 24).all()
    assert_allclose((by_subject / 4).var(0), 5 / 6, rtol=0.1)  # multinomial: n p (1 − p)


def test_every_resample_has_as_many_sequences_as_there_are():
    draws = draw_sequences(7, 100, np.random.default_rng(0))
    assert draws.shape == (100, 7)
    assert (draws.sum(axis=1) == 7).all()
    assert_allclose(draws.mean(axis=0), 1, rtol=0, atol=0.4)


def test_a_resampled_mean_is_the_mean_of_the_windows_of_the_drawn_sequences():
    """The slow loop: draw whole sequences, pool their windows."""
    values, sequence = table(np.array([1, 4, 2]), spread=5, seed=0)
    draws = draw_sequences(3, 50, np.random.default_rng(0))
    pooled = [
        np.concatenate([values[sequence == s, 0] for s in range(3) for _ in range(times[s])]).mean()
        for times in draws
    ]
    found = estimate(values, ONE(7), sequence, draws)
    assert_allclose([found.low[0], found.high[0]], np.quantile(pooled, [0.025, 0.975]), rtol=0, atol=1e-10)


def test_a_weighted_mean_of_ratios_is_the_ratio_of_means():
    numerator, denominator = np.array([3.0, 5.0, 40.0]), np.array([1.0, 2.0, 10.0])
    draws = draw_sequences(2, 20, np.random.default_rng(0))
    found = estimate((numerator / denominator)[:, None], denominator, np.array([0, 0, 1]), draws)
    assert_allclose(found.mean, [48 / 13], rtol=0, atol=1e-12)


def test_undefined_windows_are_left_out_as_if_they_had_not_been_there():
    values, sequence = table(np.array([3, 4, 2, 5]), spread=5, seed=0)
    values[[0, 5, 6], 0] = np.nan
    kept = ~np.isnan(values[:, 0])
    draws = draw_sequences(4, 200, np.random.default_rng(0))
    with_nan = estimate(values, ONE(14), sequence, draws)
    without = estimate(values[kept], ONE(11), sequence[kept], draws)
    for name in ("mean", "low", "high", "windows", "sequences"):
        assert_allclose(getattr(with_nan, name), getattr(without, name), rtol=0, atol=0)
    assert with_nan.windows.tolist() == [11]


def test_columns_do_not_see_each_other():
    values, sequence = table(np.array([3, 4, 2, 5]), spread=5, seed=0)
    both = np.concatenate([values, np.full_like(values, np.nan)], axis=1)
    draws = draw_sequences(4, 200, np.random.default_rng(0))
    alone, together = (estimate(v, ONE(14), sequence, draws) for v in (values, both))
    assert_allclose([together.low[0], together.high[0]], [alone.low[0], alone.high[0]], rtol=0, atol=0)
    assert np.isnan([together.mean[1], together.low[1], together.high[1]]).all()
    assert together.windows.tolist() == [14, 0]
    assert together.sequences.tolist() == [4, 0]


def test_one_sequence_has_a_mean_and_no_interval():
    values = np.array([[1.0], [3.0], [np.nan]])
    found = estimate(values, ONE(3), np.array([0, 0, 1]), draw_sequences(2, 50, np.random.default_rng(0)))
    assert found.mean[0] == 2
    assert found.sequences[0] == 1
    assert np.isnan([found.low[0], found.high[0]]).all()
