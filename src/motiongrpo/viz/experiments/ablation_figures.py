"""Figures of the ablation: every cell against the pretrained model, and reward against metrics over time."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from motiongrpo.base.words import counted
from motiongrpo.experiments.ablation import AblationConfig
from motiongrpo.experiments.contrast import Contrast
from motiongrpo.experiments.published import published_change_percent
from motiongrpo.viz.experiments.ablation_results import DECISIVE, PERCENT, CellResult, Results
from motiongrpo.viz.figures.forest import Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import BLUE, GREEN, GREY, ORANGE, TEMPLATE, VERMILLION
from motiongrpo.viz.figures.panels import Panel, line, stacked

AXIS = Axis("← better   change of MPJPE, %   worse →", reference=0.0)
GOLD = ("mpjpe_mm", "mpjve_mm_s", "foot_sliding_mm_s", "penetration_mm", "contact_f1")


def ablation_figure(results: Results) -> go.Figure:
    """Change of MPJPE of every cell in percent of the pretrained mean, with the paper's for comparison.

    On held-out motion, the mean with its interval, and seeds as dots; on training motion, the mean alone.
    """
    cells = [cell for cell in results.cells.values() if cell.final != results.reference]
    held_out = {cell.label: results.change(cell, DECISIVE) for cell in cells}
    scale, seen_scale = (PERCENT / results.before(DECISIVE, motion) for motion in ("held-out", "training"))
    grpo = {cell.label for cell in cells if cell.kind == "grpo"}
    means = {label: _mean(label, change, scale) for label, change in held_out.items()}
    seeds = [(label, value * scale) for label, change in held_out.items() for value in change.by_seed]
    seen = [
        (cell.label, results.change(cell, DECISIVE, "training").value * seen_scale)
        for cell in cells
        if cell.final in results.judged["training"].cells
    ]
    printed = [(cell.label, published_change_percent(cell.published, DECISIVE)) for cell in cells]
    series = [
        Series("GRPO", BLUE, "circle", [mark for label, mark in means.items() if label in grpo], 11),
        Series("control", ORANGE, "square", [mark for label, mark in means.items() if label not in grpo], 11),
        Series("one seed", GREY, "circle", _points(seeds, "one seed"), 5),
        Series("on training motion", GREEN, "triangle-up-open", _points(seen, "on training motion")),
        Series("the paper's, on AMASS", VERMILLION, "diamond-open", _points(printed, "in the paper"), 11),
    ]
    subtitle = (
        f"95 % bootstrap intervals over {results.held_out.resampled}; {results.held_out.subjects} subjects, "
        f"{counted(len(results.held_out.seeds), 'seed')}"
    )
    return forest("MPJPE against the pretrained model", AXIS, list(held_out), series, subtitle)


def _mean(label: str, change: Contrast, scale: float) -> Mark:
    hover = f"{label}: {change.value:+.3g} mm [{change.low:+.3g}, {change.high:+.3g}]"
    return Mark(label, change.value * scale, change.low * scale, change.high * scale, hover)


def _points(values: Sequence[tuple[str, float | None]], what: str) -> list[Mark]:
    """Marks without an interval; None gives no mark."""
    return [
        Mark(label, value, hover=f"{label}, {what}: {value:+.2f} %")
        for label, value in values
        if value is not None
    ]


def proxy_gold_figure(results: Results, config: AblationConfig) -> go.Figure:
    """The reward a cell was trained on (proxy) and held-out metrics (gold), over every training.

    Both are of the same samples of the same held-out windows, in standard deviations over windows of the
    pretrained model: lines that diverge show a reward that rises without better motion. The horizontal axis
    is updates of GRPO or, for a control, their equivalent in compute.
    """
    trained = [cell for cell in results.cells.values() if cell.steps]
    if not trained:
        nothing = {"text": "No cell was trained.", "showarrow": False}
        return go.Figure(layout={"template": TEMPLATE, "annotations": [nothing]})
    return stacked([_proxy_gold_panel(cell, results, config.pace.updates) for cell in trained])


def _proxy_gold_panel(cell: CellResult, results: Results, updates: int) -> Panel:
    pace = 1.0 if cell.kind == "grpo" else updates / cell.steps
    x = np.array([0.0] + [step * pace for step in cell.checkpoints])
    paid = [results.paid_rise(cell, step).value for step in cell.checkpoints]
    lines = [line(x, np.array([0.0, *paid]), "reward (proxy)", 0, "%{y:+.3f}")]
    lines[0].update(line={"width": 4})
    for number, metric in enumerate(GOLD, start=1):
        if results.held_out.deviation(results.reference, metric) > 0:
            gold = [results.gold_rise(cell, step, metric).value for step in cell.checkpoints]
            lines.append(line(x, np.array([0.0, *gold]), metric, number, "%{y:+.3f}"))
    zero = go.Scatter(
        x=x[[0, -1]],
        y=np.zeros(2),
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"},
        showlegend=False,
        hoverinfo="skip",
    )
    unit = "updates" if cell.kind == "grpo" else "compute of so many updates of GRPO"
    title = "gain, deviations between windows"
    return Panel(f"{cell.label}: reward and held-out metrics, better up", unit, title, [*lines, zero])
