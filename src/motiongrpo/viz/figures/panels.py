"""Plotly figures made of panels, one below the other, or with a menu where there is room for only one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.viz.figures.palette import TEMPLATE, line_style

POINTS = 240  # of a line: more are not visible, and a million steps would make the page large
PANEL_PX, HEAD_PX, FOOT_PX = 210, 92, 56  # a panel, the title and legend above it, the axis below it


@dataclass(frozen=True)
class Panel:
    """One pair of axes and its lines; `log` asks for a logarithmic y axis, which needs positive values."""

    title: str
    x_title: str
    y_title: str
    lines: list[go.Scatter]
    log: bool = False

    def y_scale(self) -> dict[str, Any]:
        """A logarithmic axis has marks at 1, 2 and 5 of every decade, or at decades where there are many.

        A linear axis does not extend below zero unless a value does.
        """
        values = np.concatenate([np.asarray(line.y) for line in self.lines])
        if not self.log or not (values > 0).all():
            return {"type": "linear", "rangemode": "nonnegative" if (values >= 0).all() else "normal"}
        low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
        marks = (1, 2, 5) if high - low <= 3 else (1,)
        ticks = [mark * 10.0**decade for decade in range(int(low), int(high) + 1) for mark in marks]
        return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def stacked(panels: Sequence[Panel]) -> go.Figure:
    """The panels with lines, one below the other, each with its own title, axes and legend."""
    panels = [panel for panel in panels if panel.lines]
    each = HEAD_PX + PANEL_PX + FOOT_PX
    height = each * len(panels)
    figure = go.Figure(layout={"template": TEMPLATE, "height": height, "margin": {"t": 0, "b": 0}})
    for number, panel in enumerate(panels, start=1):
        top = 1 - (each * (number - 1) + HEAD_PX) / height
        name = "" if number == 1 else str(number)
        for line in panel.lines:
            line.update(xaxis=f"x{name}", yaxis=f"y{name}", legend=f"legend{name}")
            figure.add_trace(line)
        bottom = top - PANEL_PX / height
        figure.update_layout(_panel_layout(panel, name, top, bottom, height))
        figure.add_annotation(_title(panel.title, top, height))
    return figure


def lines_of(
    log: pd.DataFrame, names: dict[str, str], scale: float = 1.0, hover: str = "%{y:.4g}"
) -> list[go.Scatter]:
    """One line per column of a log, with the label in `names`; columns that the log lacks are skipped."""
    return [
        line(*thinned(log, column, scale), name, index, hover)
        for index, (column, name) in enumerate(names.items())
        if column in log
    ]


def line(x: np.ndarray, y: np.ndarray, name: str, index: int, hover: str) -> go.Scatter:
    """Line number `index` of a panel; if there are few points, they have markers."""
    style = line_style(index)
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if len(x) <= 60 else "lines",
        line={**style, "width": 2},
        marker={"color": style["color"], "size": 5},
        hovertemplate=f"{name}: {hover}<br>step %{{x}}<extra></extra>",
        showlegend=True,
    )


def thinned(log: pd.DataFrame, column: str, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a column where it has any; beyond `POINTS` rows, means over blocks of rows."""
    rows = log.loc[log[column].notna(), ["step", column]].to_numpy(np.float64)
    first = np.arange(0, len(rows), rows_per_point(len(rows)))
    sizes = np.diff(first, append=len(rows))
    step, value = np.add.reduceat(rows, first).T / sizes
    return step, value * scale


def rows_per_point(rows: int) -> int:
    """How many rows of a log one point of a line stands for."""
    return max(1, math.ceil(rows / POINTS))


def columns_after(log: pd.DataFrame, prefix: str, but_not: tuple[str, ...] = ()) -> dict[str, str]:
    """The columns that begin with `prefix`, and the rest of their names in words."""
    names = [str(name) for name in log.columns]
    columns = [name for name in names if name.startswith(prefix) and not name.startswith(but_not)]
    return {name: name.removeprefix(prefix).replace("_", " ") for name in columns}


def _panel_layout(panel: Panel, name: str, top: float, bottom: float, height: int) -> dict[str, Any]:
    return {
        f"xaxis{name}": {"title": {"text": panel.x_title}, "anchor": f"y{name}"},
        f"yaxis{name}": {
            "title": {"text": panel.y_title},
            "anchor": f"x{name}",
            "domain": [bottom, top],
            **panel.y_scale(),
        },
        f"legend{name}": {
            "orientation": "h",
            "x": 0,
            "y": top + 2 / height,
            "yanchor": "bottom",
            "font": {"size": 11},
        },
    }


def _title(text: str, top: float, height: int) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>",
        "x": 0,
        "y": top + (HEAD_PX - 26) / height,
        "xshift": -48,  # above the axis, not beside it, to save width on a phone
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 14},
    }


def one_at_a_time(figure: go.Figure) -> go.Figure:
    """A figure of `panels.stacked` with its first panel shown and the others in a menu."""
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
        "xaxis.type": x.type or "-",  # inferred from the values
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
    """The number in an axis name: 3 for `x3`, 1 for `x`."""
    return int((axis or "x").removeprefix("x") or 1)
