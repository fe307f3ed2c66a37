"""The comparison as a figure: every metric's change in percent, better to the right."""

import math
from typing import Any

import plotly.graph_objects as go

from motiongrpo.viz.figures.palette import GREY, TEMPLATE, VERDICT_COLOURS
from motiongrpo.viz.report.paired import Interval, Paired, Verdict

EDGE = 100.0  # percent; what goes beyond stands at the edge of the figure with its number
DECIDED: tuple[Verdict, ...] = ("better", "worse", "undecided")


def comparison_figure(pairs: list[Paired]) -> go.Figure:
    """Change relative to the pretrained mean, in percent; right is better for every metric."""
    shown = [(pair, gain) for pair in reversed(pairs) if (gain := pair.relative_gain())]
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": 170 + 34 * len(shown),
            "margin": {"t": 88, "b": 68},
            "title": {
                "text": "<b>Post-trained against pretrained</b>",
                "x": 0,
                "xref": "container",
                "y": 0.98,
            },
            "title_font_size": 14,
            "xaxis": {
                "title": {"text": "← worse   change, %   better →"},
                "zeroline": False,
                "range": _reach([gain for _, gain in shown]),
            },
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        }
    )
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5})
    for verdict in DECIDED:
        figure.add_trace(_points([(p, g) for p, g in shown if p.verdict == verdict], verdict))
    figure.update_yaxes(categoryorder="array", categoryarray=[pair.metric for pair, _ in shown])
    return figure


def _points(rows: list[tuple[Paired, Interval]], verdict: Verdict) -> go.Scatter:
    """The metrics of one verdict: a point and its interval each, or an arrow at the edge."""
    colour = VERDICT_COLOURS[verdict]
    return go.Scatter(
        x=[_within(gain.value) for _, gain in rows],
        y=[pair.metric for pair, _ in rows],
        name=verdict,
        mode="markers+text",
        marker={"color": colour, "size": 10, "symbol": [_symbol(gain, verdict) for _, gain in rows]},
        error_x=_whiskers([gain for _, gain in rows], colour),
        text=["" if abs(gain.value) <= EDGE else f"{gain.value:+.0f} %" for _, gain in rows],
        textposition=["middle right" if gain.value < 0 else "middle left" for _, gain in rows],
        hovertext=[_hover(pair, gain) for pair, gain in rows],
        hoverinfo="text",
    )


def _within(percent: float) -> float:
    return max(-EDGE, min(EDGE, percent))


def _reach(gains: list[Interval]) -> tuple[float, float]:
    """The x axis, as wide as the intervals are but never wider than the edges, and a little air."""
    bounds = [0.0, *(bound for g in gains for bound in (g.value, g.low, g.high) if not math.isnan(bound))]
    low, high = _within(min(bounds)), _within(max(bounds))
    air = 0.06 * (high - low)
    return low - air, high + air


def _symbol(gain: Interval, verdict: Verdict) -> str:
    if abs(gain.value) > EDGE:
        return "triangle-left" if gain.value < 0 else "triangle-right"
    return {"better": "circle", "worse": "x"}.get(verdict, "circle-open")


def _whiskers(gains: list[Interval], colour: str) -> dict[str, Any]:
    return {
        "symmetric": False,
        "array": [max(gain.high - _within(gain.value), 0) for gain in gains],
        "arrayminus": [max(_within(gain.value) - gain.low, 0) for gain in gains],
        "color": colour,
        "thickness": 2,
    }


def _hover(pair: Paired, gain: Interval) -> str:
    d, unit = pair.difference, pair.unit
    interval = "" if math.isnan(d.low) else f" [{d.low:+.3g}, {d.high:+.3g}]"
    return (
        f"<b>{pair.metric}</b> {gain.value:+.2f} %<br>{pair.before.value:.4g} → {pair.after.value:.4g} {unit}"
        f"<br>difference {d.value:+.3g}{interval} {unit}"
    )
