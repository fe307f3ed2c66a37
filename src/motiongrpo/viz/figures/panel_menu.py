"""Stacked panels as one panel with a menu, for places that give every figure the same height."""

from typing import Any

import plotly.graph_objects as go

from motiongrpo.viz.figures.palette import TEMPLATE


def one_at_a_time(figure: go.Figure) -> go.Figure:
    """The panels of a figure that `panels.stacked` made, the first one shown, the others in a menu."""
    traces: list[Any] = list(figure.data)
    numbers = [_number(trace.xaxis) for trace in traces]
    menu = [_button(figure, number, numbers) for number in sorted(set(numbers))]
    shown = go.Figure(layout={"template": TEMPLATE, "margin": {"t": 96}})
    for trace, number in zip(traces, numbers, strict=True):
        copy = go.Scatter(trace)
        shown.add_trace(copy.update(xaxis="x", yaxis="y", legend="legend", visible=number == 1))
    first = {name: value for name, value in menu[0]["args"][1].items() if value is not None}
    return shown.update_layout(
        {name.replace(".", "_"): value for name, value in first.items()}
        | {
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
            "updatemenus": [{"buttons": menu, "x": 0, "xanchor": "left", "y": 1.12, "yanchor": "bottom"}],
        }
    )


def _button(figure: go.Figure, number: int, numbers: list[int]) -> dict[str, Any]:
    name = "" if number == 1 else str(number)
    x, y = figure.layout[f"xaxis{name}"], figure.layout[f"yaxis{name}"]
    axes = {
        "xaxis.title.text": x.title.text,
        "xaxis.type": x.type or "-",  # as the values suggest
        "xaxis.tickvals": x.tickvals,
        "xaxis.ticktext": x.ticktext,
        "xaxis.autorange": True,
        "yaxis.title.text": y.title.text,
        "yaxis.type": y.type,
        "yaxis.rangemode": y.rangemode,
        "yaxis.tickvals": y.tickvals,
        "yaxis.ticktext": y.ticktext,
        "yaxis.autorange": True,
    }
    title = figure.layout.annotations[number - 1].text.removeprefix("<b>").removesuffix("</b>")
    return {
        "label": title,
        "method": "update",
        "args": [{"visible": [other == number for other in numbers]}, axes],
    }


def _number(axis: str | None) -> int:
    """`x3` → 3; the first has no number."""
    return int((axis or "x").removeprefix("x") or 1)
