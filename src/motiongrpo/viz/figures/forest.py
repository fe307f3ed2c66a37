"""Forest plots: one row per compared item, with estimates as marks with their intervals.

Series in one row differ by colour and by symbol, so that they can be told apart without colour vision. A
value beyond the edge of an axis is shown at the edge as an arrow, with its number.
"""

import math
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from motiongrpo.viz.figures.palette import GREY, TEMPLATE

ROW_PX, MARK_PX = 34, 14  # a row, and the part of it that each mark needs side by side
ABOVE_PX, SUBTITLE_PX, BELOW_PX = 88, 24, 68
TITLE_PX = 20  # from the upper edge to the title
AIR = 0.06  # share of the axis, at either end


@dataclass(frozen=True)
class Mark:
    """One estimate in a row, in the unit of the axis, with its interval (NaN where there is none)."""

    row: str
    value: float
    low: float = math.nan
    high: float = math.nan
    hover: str = ""
    symbol: str | None = None  # if it differs from that of its series


@dataclass(frozen=True)
class Series:
    """Marks under one name of the legend."""

    name: str
    colour: str
    symbol: str
    marks: list[Mark]
    size: int = 10


@dataclass(frozen=True)
class Axis:
    """The axis of the estimates: its title has the unit; without a reference it begins at zero."""

    title: str
    reference: float | None = None  # a vertical line, always within the axis
    edge: float = math.inf  # values beyond ±edge are shown at the edge

    def within(self, value: float) -> float:
        return max(-self.edge, min(self.edge, value))

    def limits(self, marks: list[Mark]) -> dict[str, Any]:
        """The limits that contain all intervals, but at most the edges, plus a margin."""
        if self.reference is None:
            return {"rangemode": "tozero"}
        ends: list[float] = [
            end for mark in marks for end in (mark.value, mark.low, mark.high) if not math.isnan(end)
        ]
        ends.append(self.reference)
        low, high = self.within(min(ends)), self.within(max(ends))
        return {"range": (low - AIR * (high - low), high + AIR * (high - low))}


def forest(
    title: str, axis: Axis, rows: list[str], series: list[Series], subtitle: str = "", apart: bool = False
) -> go.Figure:
    """The rows from top to bottom; `apart` puts the series of a row side by side instead of overlaid."""
    above = ABOVE_PX + (SUBTITLE_PX if subtitle else 0)
    row_px = max(ROW_PX, MARK_PX * (len(series) + 1)) if apart else ROW_PX
    height = above + row_px * len(rows) + BELOW_PX
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": height,
            "margin": {"t": above, "b": BELOW_PX},
            "title": {
                "text": f"<b>{title}</b>" + (f"<br><sup>{subtitle}</sup>" if subtitle else ""),
                "x": 0,
                "xref": "container",
                "y": 1 - TITLE_PX / height,  # a fixed share would cut off the first line where rows are few
                "yanchor": "top",
            },
            "title_font_size": 14,
            "xaxis": {"title": {"text": axis.title}} | axis.limits([m for s in series for m in s.marks]),
            "yaxis": {
                "type": "category",  # otherwise plotly infers it from the first trace, which has no rows
                "categoryorder": "array",
                "categoryarray": rows,
                "range": (len(rows) - 0.5, -0.5),
            },
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
            "scattermode": "group" if apart else "overlay",
            "scattergap": 0.3,
        }
    )
    if axis.reference is not None:
        figure.add_vline(x=axis.reference, line={"color": GREY, "width": 1.5})
    for each in series:
        figure.add_traces([_legend_entry(each), _marks(each, axis)])
    return figure


def _legend_entry(series: Series) -> go.Scatter:
    """The legend entry of a series, since its first mark may have another symbol."""
    return go.Scatter(x=[None], y=[None], mode="markers", marker=_style(series), **_names(series, True))


def _marks(series: Series, axis: Axis) -> go.Scatter:
    marks = series.marks
    x = [axis.within(mark.value) for mark in marks]
    beyond = [mark.value != place for mark, place in zip(marks, x, strict=True)]
    arrows = ["triangle-left" if mark.value < 0 else "triangle-right" for mark in marks]
    symbols = [mark.symbol or series.symbol for mark in marks]
    shown = [arrow if far else own for arrow, own, far in zip(arrows, symbols, beyond, strict=True)]
    return go.Scatter(
        x=x,
        y=[mark.row for mark in marks],
        orientation="h",
        mode="markers+text" if any(beyond) else "markers",
        marker=_style(series) | {"symbol": shown},
        error_x={
            "visible": any(mark.low <= mark.high for mark in marks),  # else plotly draws caps of zero length
            "symmetric": False,
            "array": [max(mark.high - place, 0) for mark, place in zip(marks, x, strict=True)],
            "arrayminus": [max(place - mark.low, 0) for mark, place in zip(marks, x, strict=True)],
            "color": series.colour,
            "thickness": 1.8,
        },
        text=[f"{mark.value:+.0f} %" if far else "" for mark, far in zip(marks, beyond, strict=True)],
        textposition=["middle right" if mark.value < 0 else "middle left" for mark in marks],
        hovertext=[mark.hover for mark in marks],
        hoverinfo="text",
        **_names(series, False),
    )


def _style(series: Series) -> dict[str, Any]:
    outline = {"width": 1.5, "color": series.colour}
    return {"color": series.colour, "size": series.size, "symbol": series.symbol, "line": outline}


def _names(series: Series, in_legend: bool) -> dict[str, Any]:
    shared = {"name": series.name, "legendgroup": series.name, "offsetgroup": series.name}
    return shared | {"showlegend": in_legend}
