"""Runs compared: the last checkpoints of each, and those from elsewhere, as a figure and as a page."""

import math
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.standing import SAME
from motiongrpo.viz.figures.palette import GREY, LINES, TEMPLATE
from motiongrpo.viz.report.page import render
from motiongrpo.viz.report.paired import CHECKS, Interval, Paired, pair_of
from motiongrpo.viz.report.tables import Row, records

STAGES = {"pretraining": "pretrained", "grpo": "post-trained"}
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
EDGE = 60.0  # percent; an interval may reach further, the axis does not
ROW_PX, AROUND_PX = 14, 190  # a contender in a row; title, legend and axis


@dataclass(frozen=True)
class Contender:
    """One checkpoint, and each metric of it against the reference's; the reference is against itself."""

    name: str
    checkpoint: str
    from_elsewhere: bool  # another run's, or copied in
    is_reference: bool
    otherwise: str  # what differs in how it was measured, in words
    pairs: dict[str, Paired]

    @property
    def is_paired(self) -> bool:
        """Whether it was scored on the windows of the reference."""
        return not all(math.isnan(pair.difference.value) for pair in self.pairs.values())


def contenders_of(table: pd.DataFrame) -> list[Contender]:
    """The rows of a comparison of runs, by checkpoint and metric, in their order."""
    rows = records(table)
    reference = {row["metric"]: row for row in rows if row["checkpoint"] == row["reference"]}
    found: dict[str, Contender] = {}
    for row in rows:
        name = row["checkpoint"]
        otherwise = "" if row["protocol"] == SAME else row["protocol"]
        elsewhere = row["stage"] not in STAGES or name.count("/") > 1
        blank = Contender(label(row), name, elsewhere, name == row["reference"], otherwise, {})
        if row["metric"] in reference:
            pair = pair_of(row["metric"], reference[row["metric"]], row)
            found.setdefault(name, blank).pairs[row["metric"]] = pair
    return list(found.values())


def label(row: Row) -> str:
    """`RUN, post-trained 30`, or `RUN, NAME` of a checkpoint from elsewhere."""
    if row["stage"] in STAGES:
        return f"{row['run']}, {STAGES[row['stage']]} {row['step']}"
    return f"{row['run']}, {row['checkpoint'].rsplit('/', 1)[-1]}"


def runs_figure(contenders: list[Contender]) -> go.Figure:
    """Every judged metric of each contender relative to the reference, in percent; right is better."""
    reference = next(contender for contender in contenders if contender.is_reference)
    shown = [c for c in contenders if not c.is_reference and c.is_paired]
    metrics = [name for name, pair in reference.pairs.items() if pair.relative_gain() is not None]
    reach = _reach(shown, metrics)
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": AROUND_PX + ROW_PX * len(metrics) * (1 + len(shown)),
            "margin": {"t": 56 + 24 * len(shown), "b": 64},
            "title": {"text": f"<b>Against {reference.name}</b>", "x": 0, "xref": "container", "y": 0.98},
            "title_font_size": 14,
            "xaxis": {"title": {"text": "← worse   change, %   better →"}, "range": (-reach, reach)},
            "yaxis": {"categoryorder": "array", "categoryarray": metrics[::-1]},
            "legend": {"orientation": "v", "x": 0, "y": 1, "yanchor": "bottom"},
            "scattermode": "group",  # contenders side by side, not upon each other
            "scattergap": 0.3,
        }
    )
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5})
    for number_, contender in enumerate(shown):
        figure.add_trace(_points(contender, metrics, number_, reach))
    return figure


def runs_html(contenders: list[Contender], figure: go.Figure) -> str:
    """The page as text; it asks nothing of any network."""
    return render(
        "runs.html.j2",
        contenders=contenders,
        reference=next(contender for contender in contenders if contender.is_reference),
        checks=CHECKS,
        figure=figure,
    )


def _points(contender: Contender, metrics: list[str], index: int, reach: float) -> go.Scatter:
    """The metrics of one contender; what lies beyond the axis is an arrow at its end."""
    colour, symbol = LINES[index % len(LINES)][0], SYMBOLS[index % len(SYMBOLS)]
    pairs = {metric: contender.pairs[metric] for metric in metrics if metric in contender.pairs}
    gains = {metric: gain for metric, pair in pairs.items() if (gain := pair.relative_gain()) is not None}
    ends = {metric: _clipped(gain, 0.985 * reach) for metric, gain in gains.items()}
    return go.Scatter(
        x=[end.value for end in ends.values()],
        y=list(ends),
        name=contender.name + (" (measured otherwise)" if contender.otherwise else ""),
        orientation="h",
        mode="markers",
        marker={
            "color": colour,
            "size": 9,
            "symbol": [
                symbol if end.value == gain.value else "arrow-right" if gain.value > 0 else "arrow-left"
                for end, gain in zip(ends.values(), gains.values(), strict=True)
            ],
        },
        error_x={
            "symmetric": False,
            "array": [end.high - end.value for end in ends.values()],
            "arrayminus": [end.value - end.low for end in ends.values()],
            "color": colour,
            "thickness": 1.4,
        },
        hovertext=[
            f"{contender.name}<br>{metric}: {gain.value:+.1f} % [{gain.low:+.1f}, {gain.high:+.1f}]"
            for metric, gain in gains.items()
        ],
        hoverinfo="text",
        showlegend=True,
    )


def _clipped(gain: Interval, reach: float) -> Interval:
    """Within the axis."""
    value, low, high = (max(-reach, min(reach, end)) for end in (gain.value, gain.low, gain.high))
    return Interval(value, low, high)


def _reach(shown: list[Contender], metrics: list[str]) -> float:
    """A little more than the intervals, and no more than the edge."""
    gains = [c.pairs[m].relative_gain() for c in shown for m in metrics if m in c.pairs]
    ends = [abs(end) for gain in gains if gain for end in (gain.low, gain.high) if not math.isnan(end)]
    return min(EDGE, 1.1 * max(ends, default=1.0))
