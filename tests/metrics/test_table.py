"""The comparison of checkpoints, on tables whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from motiongrpo.base.errors import InputError
from motiongrpo.metrics.table import comparison, comparison_by_source

SEQUENCES, WINDOWS = 30, 4


def scores(checkpoint: str, stage: str, step: int, seed: int, **metrics: np.ndarray | float) -> pd.DataFrame:
    """One checkpoint; its own noise is small, that of the windows is large and shared by all checkpoints."""
    count = SEQUENCES * WINDOWS
    hard = 20 * np.random.default_rng(0).standard_normal(count)
    noise = np.random.default_rng(seed).standard_normal(count)
    rows = pd.DataFrame(
        {
            "checkpoint": checkpoint,
            "stage": stage,
            "step": step,
            "subject": np.repeat(np.arange(SEQUENCES) // 3, WINDOWS),
            "sequence": np.repeat(np.arange(SEQUENCES), WINDOWS),
            "window": np.tile(np.arange(WINDOWS), SEQUENCES),
            "mpjpe_mm": 120 + hard + noise,
        }
    )
    return rows.assign(**metrics)


def compare(table: pd.DataFrame, reference: str = "base", seed: int = 0) -> pd.DataFrame:
    return comparison(table, reference, np.random.default_rng(seed), resamples=500)


@pytest.fixture
def two():
    """A checkpoint that is 3 mm better than the reference."""
    tuned = scores("tuned", "grpo", 40, seed=2)
    tuned["mpjpe_mm"] -= 3
    return pd.concat([scores("base", "pretraining", 100, seed=1), tuned], ignore_index=True)


def row(table: pd.DataFrame, checkpoint: str, metric: str = "mpjpe_mm") -> pd.Series:
    return table[(table["checkpoint"] == checkpoint) & (table["metric"] == metric)].iloc[0]


def test_there_is_one_row_per_checkpoint_and_metric_in_the_order_of_both(two):
    table = compare(two.assign(contact_f1=0.5, pa_mpjpe_mm=80.0))
    metrics = ["mpjpe_mm", "pa_mpjpe_mm", "contact_f1"]
    assert table["checkpoint"].tolist() == ["base"] * 3 + ["tuned"] * 3
    assert table["metric"].tolist() == metrics * 2
    assert row(table, "tuned")[["stage", "step", "unit", "better"]].tolist() == ["grpo", 40, "mm", "lower"]
    assert row(table, "tuned")[["windows", "left_out", "sequences"]].tolist() == [120, 0, 30]


def test_the_mean_is_that_of_all_windows(two):
    table = compare(two)
    for name, rows in two.groupby("checkpoint"):
        assert_allclose(row(table, name)["mean"], rows["mpjpe_mm"].mean(), rtol=0, atol=1e-10)
        assert row(table, name)["low"] < row(table, name)["mean"] < row(table, name)["high"]


def test_a_paired_difference_is_sure_where_the_means_are_not(two):
    """The difficulty of windows is common to both and cancels."""
    base, tuned = (row(compare(two), name) for name in ("base", "tuned"))
    assert tuned["high"] > base["low"]
    assert -4 < tuned["difference_low"] < tuned["difference_high"] < -2
    assert_allclose(tuned["difference"], tuned["mean"] - base["mean"], rtol=0, atol=1e-10)
    unpaired = tuned["high"] - tuned["low"]
    assert tuned["difference_high"] - tuned["difference_low"] < unpaired / 5


def test_the_reference_does_not_differ_from_itself(two):
    base = row(compare(two), "base")
    assert base[["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]


def test_exchanging_the_reference_turns_the_difference_round(two):
    there, back = row(compare(two, "base"), "tuned"), row(compare(two, "tuned"), "base")
    assert_allclose(back["difference"], -there["difference"], rtol=0, atol=1e-10)
    assert_allclose(back["difference_low"], -there["difference_high"], rtol=0, atol=1e-10)


def test_the_same_seed_gives_the_same_table_and_another_seed_other_intervals(two):
    assert_frame_equal(compare(two), compare(two), rtol=0, atol=0)
    assert compare(two, seed=1)["low"].tolist() != compare(two)["low"].tolist()


def test_the_order_of_rows_does_not_matter(two):
    """Except for the order of checkpoints."""
    shuffled = two.sample(frac=1, random_state=0).sort_values("checkpoint", kind="stable")
    assert_frame_equal(compare(shuffled), compare(two), rtol=0, atol=1e-10)


def test_an_interval_does_not_depend_on_which_other_metrics_and_checkpoints_are_compared(two):
    more = pd.concat([two.assign(contact_f1=0.5), scores("late", "grpo", 80, seed=3, contact_f1=0.6)])
    for name in ("base", "tuned"):
        few, many = row(compare(two), name), row(compare(more), name)
        assert_allclose([many["low"], many["high"]], [few["low"], few["high"]], rtol=0, atol=1e-10)


def test_windows_without_contact_are_left_out_and_counted():
    sliding = np.full(SEQUENCES * WINDOWS, 30.0)
    sliding[:10] = np.nan
    table = compare(scores("base", "pretraining", 0, seed=1, foot_sliding_mm_s=sliding))
    found = row(table, "base", "foot_sliding_mm_s")
    assert found[["mean", "low", "high"]].tolist() == [30, 30, 30]
    assert found[["windows", "left_out", "sequences", "paired_windows"]].tolist() == [110, 10, 28, 110]
    assert row(table, "base")["left_out"] == 0


def test_a_difference_rests_on_the_windows_where_both_are_defined(two):
    sliding = np.where(np.arange(240) % 120 < 60, 10.0, 50.0)
    sliding[120:] += 1
    sliding[:60] = np.nan  # the reference's easy half
    found = row(compare(two.assign(foot_sliding_mm_s=sliding)), "tuned", "foot_sliding_mm_s")
    assert found[["windows", "paired_windows"]].tolist() == [120, 60]
    assert_allclose([found["mean"], found["difference"]], [31, 1], rtol=0, atol=1e-12)


def test_the_mean_jitter_ratio_is_the_ratio_of_mean_jitters():
    """A window that hardly moves would dominate a mean of ratios."""
    truth = np.where(np.arange(SEQUENCES * WINDOWS) % 2, 100.0, 0.1)
    guess = np.full(SEQUENCES * WINDOWS, 50.0)
    table = scores("base", "pretraining", 0, seed=1, true_jitter_m_s3=truth, jitter_m_s3=guess)
    found = row(compare(table.assign(jitter_ratio=guess / truth)), "base", "jitter_ratio")
    assert_allclose(found["mean"], 50 / 50.05, rtol=0, atol=1e-12)


def test_one_sequence_has_means_without_intervals(two):
    table = compare(two[two["sequence"] == 4])
    assert table[["low", "high", "difference_low", "difference_high"]].isna().all(axis=None)
    assert table[["mean", "difference"]].notna().all(axis=None)


def test_a_reference_without_scores_is_refused_with_the_nearest_name(two):
    with pytest.raises(InputError, match="reference checkpoint 'bse' has no scores; did you mean 'base'"):
        compare(two, "bse")


def test_a_missing_column_is_refused(two):
    with pytest.raises(InputError, match="the scores have no column 'sequence'"):
        compare(two.drop(columns="sequence"))


def test_scores_without_any_metric_are_refused(two):
    with pytest.raises(InputError, match="the scores have no metric"):
        compare(two.drop(columns="mpjpe_mm"))


def test_a_column_that_is_no_metric_is_refused_with_the_nearest_name(two):
    with pytest.raises(
        InputError, match="'mpjre_rad' in the scores is not a metric; did you mean 'mpjre_deg'"
    ):
        compare(two.assign(mpjre_rad=1.0))


def test_a_ratio_without_its_weight_is_refused(two):
    with pytest.raises(InputError, match="have 'jitter_ratio' but not 'true_jitter_m_s3', which weighs it"):
        compare(two.assign(jitter_ratio=1.0))


def test_a_checkpoint_scored_on_fewer_windows_is_refused(two):
    with pytest.raises(
        InputError, match="'tuned' at step 40 was scored on 119 windows, which are not the 120"
    ):
        compare(two.iloc[:-1])


def test_a_checkpoint_scored_on_as_many_but_other_windows_is_refused(two):
    two.loc[239, "window"] = 99
    with pytest.raises(InputError, match="'tuned' at step 40 was scored on 120 windows, which are not"):
        compare(two)


def test_a_window_scored_twice_is_refused(two):
    with pytest.raises(InputError, match="'tuned' has two scores of window 3 of sequence 29: remove one"):
        compare(pd.concat([two, two.iloc[-1:]]))


@pytest.mark.parametrize(
    ("metric", "value"), [("mpjpe_mm", np.nan), ("mpjpe_mm", np.inf), ("contact_f1", -np.inf)]
)
def test_a_value_that_may_not_be_averaged_is_refused_where_it_stands(two, metric, value):
    two["contact_f1"] = 0.5
    two.loc[130, metric] = value
    place = f"{metric} of checkpoint 'tuned' is {value} in window 2 of sequence 2: its motion is not finite"
    with pytest.raises(InputError, match=place):
        compare(two)


def test_over_people_the_interval_is_as_wide_as_people_differ(two):
    """Ten people who differ by far more than their sequences do."""
    table = two.assign(mpjpe_mm=two["mpjpe_mm"] + 100 * (two["subject"] % 2))
    rng = np.random.default_rng
    of = {s: row(comparison(table, "base", rng(0), 500, s), "base") for s in ("sequences", "people")}
    width = {spread: found["high"] - found["low"] for spread, found in of.items()}
    assert width["people"] > 1.4 * width["sequences"]  # √3 of three sequences a person
    assert of["people"]["resampled"] == "subjects, then their sequences"
    assert of["sequences"]["resampled"] == "sequences"
    assert of["people"]["subjects"] == of["sequences"]["subjects"] == 10


def test_few_people_are_not_resampled(two):
    few = two[two["subject"] < 4]
    people, sequences = (
        comparison(few, "base", np.random.default_rng(0), 500, spread) for spread in ("people", "sequences")
    )
    assert_frame_equal(people, sequences)
    assert set(people["resampled"]) == {"sequences"}


def test_subjects_are_counted_where_the_metric_is_defined(two):
    sliding = np.where(two["subject"] < 4, np.nan, 30.0)
    found = row(compare(two.assign(foot_sliding_mm_s=sliding)), "base", "foot_sliding_mm_s")
    assert found["subjects"] == 6


def by_source(table: pd.DataFrame) -> pd.DataFrame:
    return comparison_by_source(table, "base", np.random.default_rng(0), 500, "people")


def test_sources_add_up_to_the_whole(two):
    """Weighted by their windows; also where a metric is undefined in some of them."""
    sliding = np.random.default_rng(0).uniform(10, 50, len(two))
    sliding[[3, 4, 5, 130]] = np.nan
    source = np.where(two["subject"] < 2, "studio", np.where(two["subject"] < 8, "home", "street"))
    table = two.assign(foot_sliding_mm_s=sliding, source=source)
    parts, whole = by_source(table), compare(table)
    assert parts["source"].drop_duplicates().tolist() == ["home", "street", "studio"]
    assert parts.query("metric == 'mpjpe_mm' and checkpoint == 'base'")["subjects"].tolist() == [6, 2, 2]
    for (name, metric), rows in parts.groupby(["checkpoint", "metric"]):
        expected = row(whole, name, metric)
        assert rows["windows"].sum() == expected["windows"]
        for value, count in (("mean", "windows"), ("difference", "paired_windows")):
            mean = np.average(rows[value], weights=rows[count])
            assert_allclose(mean, expected[value], rtol=0, atol=1e-10)


def test_a_source_is_compared_as_if_there_were_no_other(two):
    table = two.assign(source=np.where(two["subject"] < 6, "home", "street"))
    alone = comparison(table[table["source"] == "home"], "base", np.random.default_rng(0), 500, "people")
    first = by_source(table).query("source == 'home'").drop(columns="source")
    assert_frame_equal(first.reset_index(drop=True), alone)


def test_scores_without_a_source_are_refused(two):
    with pytest.raises(InputError, match="the scores have no column 'source': score the checkpoints again"):
        by_source(two)
