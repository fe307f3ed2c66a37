"""Stacked panels with a menu: nothing is lost, and every choice shows one panel unchanged."""

import numpy as np
import plotly.graph_objects as go
import pytest

from motiongrpo.viz.figures.panels import Panel, line, one_at_a_time, stacked

X = np.arange(1, 4)


def lines(*names: str) -> list[go.Scatter]:
    return [line(X, X * (index + 1.0), name, index, "%{y}") for index, name in enumerate(names)]


@pytest.fixture
def figure():
    whole = stacked(
        [
            Panel("Loss", "step", "loss (no unit)", lines("training", "validation"), log=True),
            Panel("Pairs", "step", "pairs, %", lines("right")),
            Panel("Error", "λ, m", "error, mm", lines("hands", "feet")),
        ]
    )
    whole.layout.xaxis3.update(type="log", tickvals=[1, 2], ticktext=["one", "two"])
    return whole


def chosen(figure: go.Figure, number: int) -> go.Figure:
    """The figure as in the browser after a choice from the menu."""
    visible, axes = figure.layout.updatemenus[0].buttons[number].args
    picked = go.Figure(figure)
    for trace, shown in zip(picked.data, visible["visible"], strict=True):
        trace.visible = shown
    return picked.update_layout({name.replace(".", "_"): value for name, value in axes.items()})


def test_the_first_panel_is_shown_and_the_others_are_in_the_menu(figure):
    shown = one_at_a_time(figure)
    assert [button.label for button in shown.layout.updatemenus[0].buttons] == ["Loss", "Pairs", "Error"]
    assert [trace.name for trace in shown.data if trace.visible] == ["training", "validation"]
    assert {(trace.xaxis, trace.yaxis, trace.legend) for trace in shown.data} == {("x", "y", "legend")}
    assert shown.to_dict()["layout"] == chosen(shown, 0).to_dict()["layout"]


@pytest.mark.parametrize(
    ("number", "names", "titles", "scales"),
    [
        (0, ["training", "validation"], ("step", "loss (no unit)"), ("-", "log")),
        (1, ["right"], ("step", "pairs, %"), ("-", "linear")),
        (2, ["hands", "feet"], ("λ, m", "error, mm"), ("log", "linear")),
    ],
)
def test_every_choice_shows_the_lines_of_one_panel_on_its_own_axes(figure, number, names, titles, scales):
    layout = (picked := chosen(chosen(one_at_a_time(figure), 2), number)).layout
    assert [trace.name for trace in picked.data if trace.visible] == names
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == titles
    assert (layout.xaxis.type, layout.yaxis.type) == scales
    name = "" if number == 0 else str(number + 1)
    for axis in ("xaxis", "yaxis"):  # no tick of the panel before remains
        assert layout[axis].tickvals == figure.layout[f"{axis}{name}"].tickvals


def test_the_figure_itself_stays_as_it_was(figure):
    before = figure.to_dict()
    one_at_a_time(figure)
    assert figure.to_dict() == before
