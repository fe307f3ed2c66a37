"""The ablation as a table and as a figure: every cell against the pretrained model, the paper beside it."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from motiongrpo.experiments.contrast import Contrast
from motiongrpo.experiments.published import published_change_percent
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.experiments.ablation_results import CellResult, Motion, Results
from motiongrpo.viz.figures.palette import BLUE, GREEN, GREY, ORANGE, TEMPLATE, VERMILLION

SHOWN = "mpjpe_mm"
PERCENT = 100.0


def ablation_table(results: Results) -> pd.DataFrame:
    """A row for each motion, cell and metric: mean over seeds, how far they are apart, change from before.

    Per cent are of the pretrained mean, which is taken as known: its own interval does not enter.
    """
    metrics = [metric for metric in METRICS if metric in results.held_out.cells[results.reference]]
    rows = [
        _row(cell, metric, motion, results)
        for motion, judged in results.judged.items()
        for cell in results.cells.values()
        if cell.final in judged.cells
        for metric in metrics
    ]
    return pd.DataFrame(rows)


def _row(cell: CellResult, metric: str, motion: Motion, results: Results) -> dict[str, Any]:
    judged = results.judged[motion]
    mean, change = judged.contrast({cell.final: 1.0}, metric), change_of(cell, metric, results, motion)
    before = judged.contrast({results.reference: 1.0}, metric).value
    scale = PERCENT / abs(before) if before else float("nan")
    return {
        "cell": cell.cell,
        "kind": cell.kind,
        "motion": motion,
        "metric": metric,
        "unit": METRICS[metric].unit,
        "better": METRICS[metric].better,
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        "seeds": len(mean.by_seed),
        "seed_low": min(mean.by_seed),
        "seed_high": max(mean.by_seed),
        "seed_deviation": mean.seed_deviation,
        "difference": change.value,
        "difference_low": change.low,
        "difference_high": change.high,
        "change_percent": change.value * scale,
        "change_percent_low": change.low * scale,
        "change_percent_high": change.high * scale,
        "paper_change_percent": published_change_percent(cell.published, metric),
        "verdict": "reference" if cell.final == results.reference else verdict_on(change, metric),
        "windows": mean.windows,
        "sequences": mean.sequences,
        "subjects": judged.subjects,
        "resampled": judged.resampled,
        "steps": cell.steps,
        "network_evaluations": cell.network_evaluations,
    }


def change_of(cell: CellResult, metric: str, results: Results, motion: Motion = "held-out") -> Contrast:
    """A cell's last checkpoint minus the pretrained model; of the pretrained model itself, zero."""
    weights = {cell.final: 1.0}
    weights[results.reference] = weights.get(results.reference, 0.0) - 1.0
    return results.judged[motion].contrast(weights, metric)


def verdict_on(change: Contrast, metric: str) -> str:
    """Better or worse where the interval and all seeds say so; a metric without a direction is not judged."""
    direction = {"lower": -1, "higher": 1, "none": 0}[METRICS[metric].better]
    if direction == 0:
        return "not judged"
    return {1: "better", -1: "worse", 0: "undecided"}[direction * change.sign]


def ablation_figure(results: Results) -> go.Figure:
    """Change of MPJPE of every cell in per cent of what it was before, the paper's beside it.

    Held-out motion: mean with interval, seeds as dots. Training motion: the mean alone.
    """
    cells = [cell for cell in results.cells.values() if cell.final != results.reference]
    before = results.held_out.contrast({results.reference: 1.0}, SHOWN).value
    changes = {cell.cell: change_of(cell, SHOWN, results) for cell in cells}
    scale = PERCENT / before
    figure = go.Figure(layout=_layout(len(cells), results))
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5})
    for name, colour, grpo in (("GRPO", BLUE, True), ("control", ORANGE, False)):
        figure.add_trace(
            _means([c for c in cells if (c.kind == "grpo") == grpo], changes, scale, name, colour)
        )
    figure.add_trace(_seeds(changes, scale))
    figure.add_trace(_on_training_motion(cells, results))
    figure.add_trace(_published(cells))
    return figure.update_yaxes(
        categoryorder="array", categoryarray=[words(cell.cell) for cell in reversed(cells)]
    )


def words(cell: str) -> str:
    return cell.replace("_", " ")


def _layout(rows: int, results: Results) -> dict[str, Any]:
    held_out = results.held_out
    return {
        "template": TEMPLATE,
        "height": 190 + 40 * rows,
        "margin": {"t": 112, "b": 68},
        "title": {
            "text": "<b>MPJPE against the pretrained model</b><br><sup>95 % bootstrap intervals over "
            f"{held_out.resampled}; {held_out.subjects} subjects, {len(held_out.seeds)} seeds</sup>",
            "x": 0,
            "xref": "container",
            "y": 0.97,
        },
        "title_font_size": 14,
        "xaxis": {"title": {"text": "← better   change of MPJPE, %   worse →"}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }


def _means(
    cells: list[CellResult], changes: dict[str, Contrast], scale: float, name: str, colour: str
) -> go.Scatter:
    shown = [changes[cell.cell] for cell in cells]
    return go.Scatter(
        x=[change.value * scale for change in shown],
        y=[words(cell.cell) for cell in cells],
        name=name,
        mode="markers",
        marker={"color": colour, "size": 11, "symbol": "circle" if name == "GRPO" else "square"},
        error_x={
            "symmetric": False,
            "array": [(change.high - change.value) * scale for change in shown],
            "arrayminus": [(change.value - change.low) * scale for change in shown],
            "color": colour,
            "thickness": 2,
        },
        hovertext=[
            f"{words(cell.cell)}: {c.value:+.3g} mm [{c.low:+.3g}, {c.high:+.3g}]"
            for cell, c in zip(cells, shown, strict=True)
        ],
        hoverinfo="text",
    )


def _seeds(changes: dict[str, Contrast], scale: float) -> go.Scatter:
    points = [(value * scale, words(cell)) for cell, c in changes.items() for value in c.by_seed]
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        name="one seed",
        mode="markers",
        marker={"color": GREY, "size": 5},
        hovertemplate="%{y}, one seed: %{x:+.2f} %<extra></extra>",
    )


def _on_training_motion(cells: list[CellResult], results: Results) -> go.Scatter:
    judged = results.judged["training"]
    before = judged.contrast({results.reference: 1.0}, SHOWN).value
    shown = [cell for cell in cells if cell.final in judged.cells]
    return go.Scatter(
        x=[change_of(cell, SHOWN, results, "training").value * PERCENT / before for cell in shown],
        y=[words(cell.cell) for cell in shown],
        name="on training motion",
        mode="markers",
        marker={"color": GREEN, "size": 10, "symbol": "triangle-up-open", "line": {"width": 2}},
        hovertemplate="%{y}, on training motion: %{x:+.2f} %<extra></extra>",
    )


def _published(cells: list[CellResult]) -> go.Scatter:
    points = [(published_change_percent(cell.published, SHOWN), words(cell.cell)) for cell in cells]
    shown = [(x, y) for x, y in points if x is not None]
    return go.Scatter(
        x=[x for x, _ in shown],
        y=[y for _, y in shown],
        name="the paper's, on AMASS",
        mode="markers",
        marker={"color": VERMILLION, "size": 11, "symbol": "diamond-open", "line": {"width": 2}},
        hovertemplate="%{y}, in the paper: %{x:+.2f} %<extra></extra>",
    )
