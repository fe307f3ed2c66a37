"""Proxy against gold: what a cell was paid, and what the judges say, over its training.

Both are of the same samples of the same held-out windows, and in one unit: deviations between windows of the
pretrained model. Lines that part show a reward that is earned by something else than better motion.
"""

import numpy as np
import plotly.graph_objects as go

from motiongrpo.experiments.contrast import Contrast
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.experiments.ablation import words
from motiongrpo.viz.experiments.ablation_results import PAID, CellResult, Results
from motiongrpo.viz.figures.palette import GREY, TEMPLATE
from motiongrpo.viz.figures.panels import Panel, line, stacked

GOLD = ("mpjpe_mm", "mpjve_mm_s", "foot_sliding_mm_s", "penetration_mm", "contact_f1")


def proxy_gold_figure(results: Results, updates: int) -> go.Figure:
    """A panel for every cell that was trained; x is updates of GRPO, or the compute of so many."""
    trained = [cell for cell in results.cells.values() if cell.steps]
    if not trained:
        nothing = {"text": "No cell was trained.", "showarrow": False}
        return go.Figure(layout={"template": TEMPLATE, "annotations": [nothing]})
    return stacked([_panel(cell, results, updates) for cell in trained])


def proxy_of(cell: CellResult, step: int, results: Results) -> Contrast:
    """Mean rise over the terms a cell is paid for, each in deviations between pretrained windows."""
    return results.held_out.paid(cell.at(step), results.reference, [f"{PAID}{term}" for term in cell.terms])


def gold_of(cell: CellResult, step: int, metric: str, results: Results) -> Contrast:
    """The rise of a metric in deviations between pretrained windows, positive where it is better."""
    held_out, reference = results.held_out, results.reference
    sign = 1.0 if METRICS[metric].better == "higher" else -1.0
    scale = sign / held_out.deviation(reference, metric)
    return held_out.contrast({cell.at(step): scale, reference: -scale}, metric)


def _panel(cell: CellResult, results: Results, updates: int) -> Panel:
    pace = 1.0 if cell.kind == "grpo" else updates / cell.steps
    x = np.array([0.0] + [step * pace for step in cell.checkpoints])
    paid = [proxy_of(cell, step, results).value for step in cell.checkpoints]
    lines = [line(x, np.array([0.0, *paid]), "reward (proxy)", 0, "%{y:+.3f}")]
    lines[0].update(line={"width": 4})
    for number, metric in enumerate(GOLD, start=1):
        if results.held_out.deviation(results.reference, metric) > 0:
            gold = [gold_of(cell, step, metric, results).value for step in cell.checkpoints]
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
    return Panel(f"{words(cell.cell)}: reward and held-out metrics, better up", unit, title, [*lines, zero])
