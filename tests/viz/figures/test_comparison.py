"""Pretrained against post-trained, for comparisons with known outcomes."""

import math

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.viz.figures.comparison import comparison_figure
from motiongrpo.viz.report.metric_change import metric_changes
from tests.viz.runs import comparison, final, improved


def paired(**metrics):
    return {pair.metric: pair for pair in metric_changes(final(comparison(**metrics)))}


def drawn(figure) -> dict:
    """The traces with values, by name; the others are for the legend."""
    return {trace.name: trace for trace in figure.data if not trace.showlegend}


def test_a_pair_holds_the_last_checkpoint_of_each_stage():
    pair = metric_changes(final(improved()))[0]
    assert (pair.metric, pair.before.value, pair.after.value) == ("mpjpe_mm", 120.0, 114.0)
    assert (pair.difference.value, pair.difference.low, pair.difference.high) == (-6.0, -9.0, -3.0)


def test_less_error_and_more_f1_are_both_better():
    pairs = paired(mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)), contact_f1=(0.8, (0.04, 0.02, 0.06)))
    assert [pair.outcome for pair in pairs.values()] == ["better", "better"]


def test_more_error_and_less_f1_are_both_worse():
    pairs = paired(mpjpe_mm=(120.0, (6.0, 3.0, 9.0)), contact_f1=(0.8, (-0.04, -0.06, -0.02)))
    assert [pair.outcome for pair in pairs.values()] == ["worse", "worse"]


def test_a_metric_of_print_is_shown_and_not_judged():
    """It repeats its textbook counterpart, or contradicts it because of its definition."""
    pair = paired(egoallo_pa_mpjpe_mm=(100.0, (-6.0, -9.0, -3.0)))["egoallo_pa_mpjpe_mm"]
    assert (pair.outcome, pair.relative_gain()) == ("not judged", None)
    assert pair.difference.value == -6.0


def test_an_interval_around_zero_decides_nothing():
    assert paired(mpjpe_mm=(120.0, (-6.0, -9.0, 1.0)))["mpjpe_mm"].outcome == "undecided"


def test_without_an_interval_nothing_is_decided():
    assert paired(mpjpe_mm=(120.0, (-6.0, math.nan, math.nan)))["mpjpe_mm"].outcome == "undecided"


@pytest.mark.parametrize("metric", ["jitter_m_s3", "head_position_mm"])
def test_what_has_no_better_side_and_what_only_checks_is_not_judged(metric):
    pair = paired(**{metric: (50.0, (5.0, 4.0, 6.0))})[metric]
    assert pair.outcome == "not judged"
    assert pair.relative_gain() is None


def test_a_gain_is_in_percent_of_the_pretrained_mean_and_positive_where_better():
    pairs = paired(mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)), contact_f1=(0.8, (-0.04, -0.06, -0.02)))
    error, f1 = (pairs[name].relative_gain() for name in ("mpjpe_mm", "contact_f1"))
    assert (error.value, error.low, error.high) == pytest.approx((5.0, 2.5, 7.5), rel=0, abs=1e-12)
    assert (f1.value, f1.low, f1.high) == pytest.approx((-5.0, -7.5, -2.5), rel=0, abs=1e-12)


def test_a_pretrained_mean_of_zero_has_no_relative_change():
    assert paired(penetration_mm=(0.0, (1.0, 0.5, 1.5)))["penetration_mm"].relative_gain() is None


def test_the_figure_has_the_better_metrics_right_of_zero_and_the_worse_left():
    figure = comparison_figure(metric_changes(final(improved())))
    points = {y: x for trace in drawn(figure).values() for y, x in zip(trace.y, trace.x, strict=True)}
    assert points == pytest.approx({"mpjpe_mm": 5.0, "contact_f1": -5.0}, rel=0, abs=1e-12)
    assert list(drawn(figure)["better"].y) == ["mpjpe_mm"]


def test_the_whiskers_of_the_figure_end_at_the_interval():
    figure = comparison_figure(metric_changes(final(improved())))
    better = drawn(figure)["better"]
    assert better.x[0] + better.error_x.array[0] == pytest.approx(7.5, rel=0, abs=1e-12)
    assert better.x[0] - better.error_x.arrayminus[0] == pytest.approx(2.5, rel=0, abs=1e-12)


def test_a_change_beyond_the_edge_stands_there_with_its_number_and_hides_no_other():
    table = comparison(mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)), floating_share=(0.03, (0.57, 0.48, 0.65)))
    figure = comparison_figure(metric_changes(final(table)))
    worse = drawn(figure)["worse"]
    assert (list(worse.x), list(worse.text), worse.marker.symbol[0]) == (
        [-100.0],
        ["-1900 %"],
        "triangle-left",
    )
    low, high = figure.layout.xaxis.range
    assert -110 < low < -100
    assert 7.5 < high < 20


def test_the_axis_is_no_wider_than_the_intervals_need():
    low, high = comparison_figure(metric_changes(final(improved()))).layout.xaxis.range
    assert (low, high) == pytest.approx((-8.4, 8.4), rel=0, abs=1e-9)


def test_the_axis_holds_zero_even_where_every_metric_is_better():
    table = comparison(mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)))
    low, high = comparison_figure(metric_changes(final(table))).layout.xaxis.range
    assert (low, high) == pytest.approx((-0.45, 7.95), rel=0, abs=1e-9)


def test_the_first_metric_of_the_table_is_at_the_top_of_the_figure():
    figure = comparison_figure(metric_changes(final(improved())))
    assert figure.layout.yaxis.categoryarray[0] == "mpjpe_mm"


@pytest.mark.parametrize("stage", ["pretraining", "grpo"])
def test_a_comparison_without_one_of_the_two_is_refused(stage):
    table = final(improved())
    with pytest.raises(InputError, match=f"no {stage} checkpoint"):
        metric_changes(table[table["stage"] != stage])
