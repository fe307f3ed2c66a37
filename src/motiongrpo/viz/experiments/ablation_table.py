"""The table of the ablation: every cell against the pretrained model, with the paper's change."""

from typing import Any

import pandas as pd

from motiongrpo.experiments.published import published_change_percent
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.experiments.ablation_results import PERCENT, CellResult, Motion, Results, outcome_of


def ablation_table(results: Results) -> pd.DataFrame:
    """A row for each motion, cell and metric: mean and deviation over seeds, change from pretrained.

    Percentages are of the pretrained mean, which is taken as exact: its own interval is not included.
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
    mean, change = judged.contrast({cell.final: 1.0}, metric), results.change(cell, metric, motion)
    before = results.before(metric, motion)
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
        "verdict": "reference" if cell.final == results.reference else outcome_of(change, metric),
        "windows": mean.windows,
        "sequences": mean.sequences,
        "subjects": judged.subjects,
        "resampled": judged.resampled,
        "steps": cell.steps,
        "network_evaluations": cell.network_evaluations,
    }
