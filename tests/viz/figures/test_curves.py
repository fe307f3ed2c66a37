"""Curves: every line has the values of its log, in the unit of its axis."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from motiongrpo.viz.figures.curves import beyond_clip_range, diversity_curves, learning_curves, reward_curves
from motiongrpo.viz.figures.palette import LINES, line_style
from motiongrpo.viz.figures.panels import (
    FOOT_PX,
    HEAD_PX,
    PANEL_PX,
    POINTS,
    Panel,
    line,
    rows_per_point,
    stacked,
    thinned,
)
from tests.viz.runs import grpo_log, improved, pretraining_log, reward_log


def by_name(figure) -> dict:
    return {trace.name: trace for trace in figure.data}


def every_axis_title(figure) -> list[str | None]:
    layout = figure.layout.to_plotly_json()
    return [axis["title"].get("text") for name, axis in layout.items() if name[1:].startswith("axis")]


def test_a_short_log_is_drawn_row_by_row():
    x, y = thinned(reward_log(), "pair_accuracy", scale=100.0)
    assert_allclose(x, [1, 2, 3], rtol=0, atol=0)
    assert_allclose(y, [50, 75, 100], rtol=0, atol=1e-12)


def test_a_long_log_is_drawn_by_means_that_keep_its_mean():
    rows = 7 * POINTS
    log = pd.DataFrame({"step": np.arange(1, rows + 1), "loss": np.random.default_rng(0).random(rows)})
    x, y = thinned(log, "loss")
    assert len(x) == POINTS
    assert_allclose(y.mean(), log["loss"].mean(), rtol=0, atol=1e-12)
    assert_allclose(x[0], 4, rtol=0, atol=1e-12)  # the middle of steps 1 … 7


def test_the_last_and_shorter_block_counts_its_own_rows():
    rows = POINTS + 1
    log = pd.DataFrame({"step": np.arange(rows), "loss": np.arange(rows, dtype=float)})
    assert rows_per_point(rows) == 2
    assert_allclose(thinned(log, "loss")[1][-1], POINTS, rtol=0, atol=1e-12)


def test_a_value_that_was_not_measured_has_no_point():
    validation = by_name(learning_curves(pretraining_log([3.0, 2.0]), reward_log()))
    trace = validation["validation, averaged weights"]
    assert list(trace.x) == [10, 20]
    assert list(trace.y) == [3.0, 2.0]


def test_a_training_without_validation_has_no_such_line():
    figure = learning_curves(pretraining_log([1.0]).drop(columns="validation_loss"), reward_log())
    assert "validation, averaged weights" not in by_name(figure)


def test_rewards_and_their_deviations_are_told_apart():
    names = by_name(reward_curves(grpo_log(), improved()))
    assert {"position", "perceptual"} <= names.keys()
    assert not any(name.startswith("std") for name in names)


def test_the_held_out_error_is_the_difference_from_the_pretrained_model():
    points = by_name(reward_curves(grpo_log(), improved()))["post-trained"]
    assert list(points.x) == [5, 10]
    assert list(points.y) == [-3.0, -6.0]
    assert_allclose(points.y + points.error_y.array, [-1.5, -3.0], rtol=0, atol=1e-12)
    assert_allclose(points.y - points.error_y.arrayminus, [-4.5, -9.0], rtol=0, atol=1e-12)


def test_shares_are_drawn_in_percent():
    names = by_name(diversity_curves(grpo_log(dropped=0.2)))
    assert_allclose(names["dropped groups"].y, 20.0, rtol=0, atol=1e-12)
    assert_allclose(names["samples below the clip range"].y, 10.0, rtol=0, atol=1e-12)


def test_what_is_clipped_is_the_mean_over_levels_after_the_update_and_nothing_of_the_pass():
    log = grpo_log(3).assign(clipped_low=0.9, clipped_high=0.9)
    shares = beyond_clip_range(log)
    assert_allclose(shares["low"], 0.1, rtol=0, atol=1e-12)
    assert_allclose(shares["high"], 0.05, rtol=0, atol=1e-12)


def test_agreement_of_gradients_is_drawn_where_it_was_measured():
    log = grpo_log(4).assign(
        evidence_gradient_cosine=[0.1, np.nan, 0.2, np.nan], evidence_term_cosine_position=[0.3, np.nan] * 2
    )
    lines = by_name(diversity_curves(log))
    assert list(lines["all rewards"].x) == [1, 3]
    assert list(lines["all rewards"].y) == [0.1, 0.2]
    panels = [figure.layout.annotations for figure in map(diversity_curves, (log, grpo_log()))]
    assert len(panels[0]) == len(panels[1]) + 1


@pytest.mark.parametrize(
    "figure",
    [
        learning_curves(pretraining_log([1.0]), reward_log()),
        reward_curves(grpo_log(), improved()),
        diversity_curves(grpo_log()),
    ],
    ids=["learning", "rewards", "diversity"],
)
def test_every_axis_and_every_panel_has_a_title(figure):
    titles = every_axis_title(figure)
    assert len(titles) == 2 * len(figure.layout.annotations)
    assert all(titles)


def test_panels_lie_below_each_other_with_room_for_what_belongs_to_them():
    panel = Panel("a", "step", "loss", [line(np.arange(2), np.ones(2), "a", 0, "%{y}")])
    layout = stacked([panel, panel, panel]).layout
    domains = [layout.yaxis3.domain, layout.yaxis2.domain, layout.yaxis.domain]  # from the bottom up
    edges = np.array([0, *(edge for domain in domains for edge in domain), 1]) * layout.height
    room = HEAD_PX + FOOT_PX  # of a title and legend, and of the axis above them
    heights = [FOOT_PX, PANEL_PX, room, PANEL_PX, room, PANEL_PX, HEAD_PX]
    assert_allclose(np.diff(edges), heights, rtol=0, atol=1e-9)


def test_a_logarithmic_axis_is_linear_where_a_value_is_zero():
    lines = [line(np.arange(2), np.array([0.0, 1.0]), "a", 0, "%{y}")]
    assert Panel("a", "x", "y", lines, log=True).y_scale() == {"type": "linear", "rangemode": "nonnegative"}


def test_an_axis_goes_below_zero_only_for_values_that_do():
    for value, mode in ((0.0, "nonnegative"), (-1.0, "normal")):
        lines = [line(np.arange(2), np.array([value, 2.0]), "a", 0, "")]
        assert Panel("a", "x", "y", lines).y_scale()["rangemode"] == mode


def test_a_logarithmic_axis_has_plain_numbers_at_its_marks():
    lines = [line(np.arange(2), np.array([0.02, 0.4]), "a", 0, "%{y}")]
    scale = Panel("a", "x", "y", lines, log=True).y_scale()
    assert scale["ticktext"][:4] == ["0.01", "0.02", "0.05", "0.1"]


def test_no_two_lines_of_a_panel_look_alike():
    styles = [tuple(line_style(index).values()) for index in range(len(LINES))]
    assert len(set(styles)) == len(LINES)


def test_a_run_whose_groups_were_all_dropped_has_no_panel_of_gradients():
    log = grpo_log().drop(columns=["gradient_norm"])
    titles = [note.text for note in diversity_curves(log).layout.annotations]
    assert not [title for title in titles if title.endswith("Gradient</b>") or title == "Gradient"]
    assert len(titles) >= 3
