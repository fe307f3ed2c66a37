"""The figure of the comparison: every metric's change in percent, better to the right."""

import math

import plotly.graph_objects as go

from motiongrpo.viz.figures.forest import Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import OUTCOME_COLOURS
from motiongrpo.viz.report.metric_change import Interval, MetricChange, Outcome

AXIS = Axis("← worse   change, %   better →", reference=0.0, edge=100.0)
SYMBOLS: dict[Outcome, str] = {"better": "circle", "worse": "x", "undecided": "circle-open"}


def comparison_figure(changes: list[MetricChange]) -> go.Figure:
    """Change relative to the pretrained mean, in percent; right is better for every metric."""
    shown = [(change, gain) for change in changes if (gain := change.relative_gain())]
    marks = {outcome: [_mark(c, g) for c, g in shown if c.outcome == outcome] for outcome in SYMBOLS}
    series = [Series(o, OUTCOME_COLOURS[o], symbol, marks[o]) for o, symbol in SYMBOLS.items()]
    return forest("Post-trained against pretrained", AXIS, [change.metric for change, _ in shown], series)


def _mark(change: MetricChange, gain: Interval) -> Mark:
    d, unit = change.difference, change.unit
    interval = "" if math.isnan(d.low) else f" [{d.low:+.3g}, {d.high:+.3g}]"
    hover = (
        f"<b>{change.metric}</b> {gain.value:+.2f} %<br>{change.before.value:.4g} → {change.after.value:.4g} "
        f"{unit}<br>difference {d.value:+.3g}{interval} {unit}"
    )
    return Mark(change.metric, gain.value, gain.low, gain.high, hover)
