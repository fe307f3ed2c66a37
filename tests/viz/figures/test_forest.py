"""Forest plots: ordered rows, exact intervals, and values beyond an edge still shown."""

from numpy.testing import assert_allclose

from motiongrpo.viz.figures.forest import TITLE_PX, Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import BLUE, VERMILLION

AXIS = Axis("change, %", reference=0.0, edge=100.0)
MARKS = [Mark("first", 10.0, 5.0, 20.0, "hover"), Mark("second", -1900.0, -2000.0, -1800.0)]


def figure(axis: Axis = AXIS, apart: bool = False, subtitle: str = ""):
    series = [Series("a", BLUE, "circle", MARKS), Series("b", VERMILLION, "x", [Mark("first", 1.0)])]
    return forest("Title", axis, ["first", "second"], series, subtitle, apart)


def test_rows_stand_from_top_to_bottom_on_an_axis_of_categories():
    """Plotly would infer the type from the legend's traces, which have no rows."""
    axis = figure().layout.yaxis
    assert (axis.type, axis.categoryarray, axis.range) == ("category", ("first", "second"), (1.5, -0.5))


def test_whiskers_end_at_the_interval_and_there_are_none_without_one():
    _, a, _, b = figure().data
    assert (a.x[0] - a.error_x.arrayminus[0], a.x[0] + a.error_x.array[0]) == (5.0, 20.0)
    assert (a.error_x.visible, b.error_x.visible) == (True, False)


def test_what_is_beyond_the_edge_is_an_arrow_with_its_number_and_the_interval_leaves_the_axis():
    a = figure().data[1]
    assert (list(a.x), list(a.marker.symbol), list(a.text)) == (
        [10.0, -100.0],
        ["circle", "triangle-left"],
        ["", "-1900 %"],
    )
    assert (a.error_x.arrayminus[1], a.error_x.array[1]) == (1900.0, 0.0)


def test_the_axis_holds_its_reference_and_is_no_wider_than_the_edge():
    assert_allclose(figure().layout.xaxis.range, (-107.2, 27.2), rtol=0, atol=1e-9)
    only = forest("t", AXIS, ["first"], [Series("a", BLUE, "circle", MARKS[:1])])
    assert_allclose(only.layout.xaxis.range, (-1.2, 21.2), rtol=0, atol=1e-9)
    assert figure(Axis("error, mm")).layout.xaxis.rangemode == "tozero"


def test_the_title_stands_as_far_below_the_edge_where_rows_are_few():
    """With a fixed share of the height, its first line would be cut off."""
    layouts = [forest("t", AXIS, rows, []).layout for rows in (["a"], list("abcdefghijklmnop"))]
    below = [layout.height * (1 - layout.title.y) for layout in layouts]
    assert_allclose(below, TITLE_PX, rtol=1e-9)


def test_series_share_a_row_side_by_side_or_upon_each_other():
    assert [figure(apart=apart).layout.scattermode for apart in (True, False)] == ["group", "overlay"]


def test_the_legend_names_every_series_once_with_its_own_symbol():
    entries = [trace for trace in figure().data if trace.showlegend]
    assert [(trace.name, trace.marker.symbol) for trace in entries] == [("a", "circle"), ("b", "x")]
    assert [trace.legendgroup for trace in figure().data] == ["a", "a", "b", "b"]


def test_a_subtitle_gets_room():
    assert figure(subtitle="n = 3").layout.margin.t > figure().layout.margin.t
