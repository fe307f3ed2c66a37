"""The comparison of runs, their last checkpoints and those from elsewhere, as a figure and a page."""

import math
from dataclasses import dataclass
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.standing import SAME
from motiongrpo.viz.figures.forest import Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import LINES
from motiongrpo.viz.report.metric_change import CHECKS, MetricChange, metric_change
from motiongrpo.viz.report.page import render
from motiongrpo.viz.report.tables import Row, records

STAGES = {"pretraining": "pretrained", "grpo": "post-trained"}
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
AXIS = Axis("← worse   change, %   better →", reference=0.0, edge=60.0)
LEGEND_LINE_PX = 24


@dataclass(frozen=True)
class Contender:
    """One checkpoint, with each metric against the reference's; for the reference, against itself."""

    name: str
    checkpoint: str
    from_elsewhere: bool  # of another run, or copied in
    is_reference: bool
    otherwise: str  # how its measurement differs, in words
    changes: dict[str, MetricChange]

    @property
    def is_paired(self) -> bool:
        """Whether it was scored on the windows of the reference."""
        return not all(math.isnan(change.difference.value) for change in self.changes.values())


def contenders_of(table: pd.DataFrame) -> list[Contender]:
    """The checkpoints of a comparison of runs with their metrics, in order of rows."""
    rows = records(table)
    reference = {row["metric"]: row for row in rows if row["checkpoint"] == row["reference"]}
    contenders: dict[str, Contender] = {}
    for row in rows:
        name = row["checkpoint"]
        otherwise = "" if row["protocol"] == SAME else row["protocol"]
        elsewhere = row["stage"] not in STAGES or name.count("/") > 1
        blank = Contender(label(row), name, elsewhere, name == row["reference"], otherwise, {})
        if row["metric"] in reference:
            change = metric_change(row["metric"], reference[row["metric"]], row)
            contenders.setdefault(name, blank).changes[row["metric"]] = change
    return list(contenders.values())


def label(row: Row) -> str:
    """`RUN, post-trained 30`, or `RUN, NAME` for a checkpoint from elsewhere."""
    if row["stage"] in STAGES:
        return f"{row['run']}, {STAGES[row['stage']]} {row['step']}"
    return f"{row['run']}, {row['checkpoint'].rsplit('/', 1)[-1]}"


def runs_figure(contenders: list[Contender]) -> go.Figure:
    """Every judged metric of each contender relative to the reference, in percent; right is better."""
    reference = next(contender for contender in contenders if contender.is_reference)
    shown = [c for c in contenders if not c.is_reference and c.is_paired]
    metrics = [name for name, change in reference.changes.items() if change.relative_gain() is not None]
    looks = zip(cycle(LINES), cycle(SYMBOLS), strict=False)
    series = [
        Series(_legend_name(contender), colour, symbol, _marks(contender, metrics))
        for contender, ((colour, _), symbol) in zip(shown, looks, strict=False)
    ]
    figure = forest(f"Against {reference.name}", AXIS, metrics, series, apart=True)
    legend_px = LEGEND_LINE_PX * len(shown)  # names are long, so they are one below the other
    return figure.update_layout(
        legend_orientation="v",
        margin_t=figure.layout.margin.t + legend_px,
        height=figure.layout.height + legend_px,
    )


def runs_html(contenders: list[Contender], figure: go.Figure) -> str:
    """The page as text; it loads nothing from a network."""
    return render(
        "runs.html.j2",
        contenders=contenders,
        reference=next(contender for contender in contenders if contender.is_reference),
        checks=CHECKS,
        figure=figure,
    )


def _legend_name(contender: Contender) -> str:
    return contender.name + (" (measured otherwise)" if contender.otherwise else "")


def _marks(contender: Contender, metrics: list[str]) -> list[Mark]:
    marks = []
    for metric in metrics:
        change = contender.changes.get(metric)
        if change and (gain := change.relative_gain()):
            interval = f"{gain.value:+.1f} % [{gain.low:+.1f}, {gain.high:+.1f}]"
            hover = f"{contender.name}<br>{metric}: {interval}"
            marks.append(Mark(metric, gain.value, gain.low, gain.high, hover))
    return marks
