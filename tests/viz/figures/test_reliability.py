"""Figures of reliability: the drawn values are those of the table."""

import numpy as np
from numpy.testing import assert_allclose

from motiongrpo.metrics.band_calibration import CALIBRATED, UNCALIBRATED, no_reliability
from motiongrpo.viz.figures.reliability import reliability_by_joint, reliability_figure
from tests.viz.runs import band_reliability


def test_observed_stands_over_nominal_with_its_interval_and_what_was_meant_beside_it():
    figure = reliability_figure(band_reliability(0.88))
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines) == ["as meant", "each person", CALIBRATED, UNCALIBRATED]
    assert_allclose(lines["as meant"].x, lines["as meant"].y)
    assert_allclose(lines[CALIBRATED].x, [50, 90])
    assert_allclose(lines[CALIBRATED].y, [50, 88])
    assert_allclose(np.add(lines[CALIBRATED].y, lines[CALIBRATED].error_y.array), [55, 93])
    assert_allclose(lines[UNCALIBRATED].y, [5, 10])
    assert list(lines["each person"].hovertext) == ["a", "b"] * 2


def test_joints_stand_from_the_head_down_with_their_radius_against_90_percent():
    figure = reliability_by_joint(band_reliability(0.88))
    assert list(figure.layout.yaxis.categoryarray) == ["head (100 mm)", "left foot (100 mm)"]
    (marks,) = [trace for trace in figure.data if trace.hovertext is not None]
    assert_allclose(marks.x, [88, 88])
    assert figure.layout.shapes[0].x0 == 90


def test_every_axis_of_shares_has_its_unit():
    table = band_reliability()
    axes = reliability_figure(table).layout.xaxis, reliability_figure(table).layout.yaxis
    for axis in (*axes, reliability_by_joint(table).layout.xaxis):
        assert axis.title.text.endswith(", %")


def test_one_sequence_has_no_interval_and_none_is_shown():
    one = band_reliability().assign(low=np.nan, high=np.nan)
    texts = [str(text) for trace in reliability_by_joint(one).data for text in trace.hovertext or ()]
    assert texts
    assert not [text for text in texts if "nan" in text or "[" in text]
    assert not any(trace.error_y.visible for trace in reliability_figure(one).data)


def test_where_none_were_calibrated_there_is_nothing_to_draw():
    assert not reliability_figure(no_reliability()).data
    assert not reliability_by_joint(no_reliability()).data
