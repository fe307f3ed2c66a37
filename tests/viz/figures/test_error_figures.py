"""Figures of the error profile: the drawn values are those of the table."""

import numpy as np
from numpy.testing import assert_allclose

from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.viz.figures.error_figures import error_by_activity, error_by_joint, error_over_time
from tests.viz.runs import error_profile


def drawn(figure) -> list:
    """The traces with values; the others are bands, or for the legend."""
    return [trace for trace in figure.data if trace.hovertext is not None]


def rows(figure) -> list[str]:
    return list(figure.layout.yaxis.categoryarray)


def test_every_joint_has_a_row_from_the_head_to_the_feet():
    figure = error_by_joint(error_profile())
    names = rows(figure)
    assert len(names) == BODY_JOINTS
    assert (names[0], names[-1]) == ("head", "right foot")
    profile = error_profile().query("by == 'joint' and model == 'pretrained'").set_index("name")
    (before, _) = drawn(figure)
    assert_allclose(before.x, profile.loc[list(names), "mean"], rtol=0, atol=0)
    assert_allclose(
        np.add(before.x, before.error_x.array), profile.loc[list(names), "high"], rtol=0, atol=1e-12
    )


def test_a_mark_is_filled_where_the_difference_is_clear_and_only_there():
    figure = error_by_joint(error_profile())
    for trace in drawn(figure):
        filled = [
            name
            for name, symbol in zip(rows(figure), trace.marker.symbol, strict=True)
            if not symbol.endswith("-open")
        ]
        assert filled == ["left wrist"]


def test_the_legend_names_both_models_once():
    for figure in (error_by_joint(error_profile()), error_over_time(error_profile())):
        names = [trace.name for trace in figure.data if trace.showlegend is not False]
        assert names == ["pretrained", "post-trained"]


def test_an_activity_says_how_many_sequences_it_has():
    figure = error_by_activity(error_profile())
    assert rows(figure) == ["turn (1)", "walk (2)", "not recorded (1)"]


def test_without_any_activity_there_is_one_row_that_says_so():
    assert rows(error_by_activity(error_profile(("", "", "")))) == ["not recorded (3)"]


def test_the_band_is_the_interval_of_every_moment():
    figure = error_over_time(error_profile())
    profile = error_profile().query("by == 'seconds' and model == 'pretrained'")
    band, line = figure.data[:2]
    assert_allclose(line.x, np.arange(4) / 30, rtol=0, atol=1e-4)
    assert_allclose(line.y, profile["mean"], rtol=0, atol=0)
    assert_allclose(band.y, [*profile["high"], *profile["low"][::-1]], rtol=0, atol=0)


def test_every_axis_of_values_has_a_unit():
    assert error_over_time(error_profile()).layout.yaxis.title.text.endswith(", mm")
    assert error_over_time(error_profile()).layout.xaxis.title.text.endswith(", s")
    for figure in (error_by_joint(error_profile()), error_by_activity(error_profile())):
        assert figure.layout.xaxis.title.text.endswith(", mm")
        assert figure.layout.title.text


def test_a_single_sequence_has_no_interval_and_none_is_shown():
    one = error_profile().assign(low=np.nan, high=np.nan)
    for figure in (error_by_joint(one), error_by_activity(one), error_over_time(one)):
        texts = [text for trace in drawn(figure) for text in trace.hovertext]
        assert texts
        assert not [text for text in texts if "nan" in text or "[" in text]
