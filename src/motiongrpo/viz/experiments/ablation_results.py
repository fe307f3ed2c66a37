"""The results of an ablation, as its table, figures and findings use them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from motiongrpo.base.errors import InputError
from motiongrpo.experiments.ablation import PRETRAINED
from motiongrpo.experiments.contrast import Contrast, PairedScores
from motiongrpo.experiments.published import PublishedRow
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.report.metric_change import Outcome

PERCENT = 100.0
DECISIVE = "mpjpe_mm"  # the metric by which cells are compared in words and in the figure
PAID = "reward_"  # prefix of reward terms among the columns of held-out values

Record = dict[str, Any]
Motion = Literal["held-out", "training"]
"""The motion that a cell was scored on: held-out subjects, or the motion of the trainings."""


@dataclass(frozen=True)
class CellResult:
    """One cell and the checkpoints with scores for all of its seeds."""

    cell: str
    kind: str
    steps: int  # of its training
    checkpoints: list[int]  # steps
    network_evaluations: int
    terms: list[str]  # of its rewards; for a cell without rewards, those it is measured by
    published: PublishedRow | None

    def at(self, step: int) -> str:
        """The name of a checkpoint among held-out values."""
        return f"{self.cell}@{step}"

    @property
    def final(self) -> str:
        """The name of the last checkpoint."""
        return self.at(self.checkpoints[-1])

    @property
    def label(self) -> str:
        """The name of the cell in figures."""
        return self.cell.replace("_", " ")


@dataclass(frozen=True)
class Results:
    """All cells of an ablation in order, and their values on held-out and training windows."""

    cells: dict[str, CellResult]
    judged: dict[Motion, PairedScores]  # on training motion, the last checkpoint of each training

    @property
    def held_out(self) -> PairedScores:
        return self.judged["held-out"]

    @property
    def reference(self) -> str:
        """The name of the pretrained model's checkpoint."""
        return self.cells[PRETRAINED].final

    def before(self, metric: str, motion: Motion = "held-out") -> float:
        """The mean of the pretrained model."""
        return self.judged[motion].contrast({self.reference: 1.0}, metric).value

    def contrast(self, weights: dict[str, float], metric: str, motion: Motion = "held-out") -> Contrast:
        """A weighted sum of the last checkpoints of cells."""
        by_checkpoint = {self.cells[cell].final: weight for cell, weight in weights.items()}
        return self.judged[motion].contrast(by_checkpoint, metric)

    def change(self, cell: CellResult, metric: str, motion: Motion = "held-out") -> Contrast:
        """A cell's last checkpoint minus the pretrained model; zero for the pretrained model itself."""
        weights = {cell.cell: 1.0, PRETRAINED: -1.0 + (cell.cell == PRETRAINED)}
        return self.contrast(weights, metric, motion)

    def paid_rise(self, cell: CellResult, step: int) -> Contrast:
        """Mean rise over the reward terms of a cell, each in standard deviations over pretrained windows."""
        return self.held_out.paid(cell.at(step), self.reference, [f"{PAID}{term}" for term in cell.terms])

    def gold_rise(self, cell: CellResult, step: int, metric: str) -> Contrast:
        """The rise of a metric in standard deviations over pretrained windows, positive where better."""
        sign = 1.0 if METRICS[metric].better == "higher" else -1.0
        scale = sign / self.held_out.deviation(self.reference, metric)
        return self.held_out.contrast({cell.at(step): scale, self.reference: -scale}, metric)


def outcome_of(change: Contrast, metric: str) -> Outcome:
    """Better or worse where the interval and all seeds agree; a metric without a direction is not judged."""
    direction = {"lower": -1, "higher": 1, "none": 0}[METRICS[metric].better]
    if direction == 0:
        return "not judged"
    outcomes: dict[int, Outcome] = {1: "better", -1: "worse", 0: "undecided"}
    return outcomes[direction * change.sign]


def results_of(plan: list[Record], scores: dict[str, Record], seed: int, resamples: int) -> Results:
    """The scores that belong to a plan; those of other parameters are ignored."""
    cells: dict[str, CellResult] = {}
    tables: dict[Motion, list[pd.DataFrame]] = {"held-out": [], "training": []}
    for cell in dict.fromkeys(entry["cell"] for entry in plan):
        entries = [entry for entry in plan if entry["cell"] == cell]
        scores_by_step = [_checkpoints(entry["name"], scores) for entry in entries]
        steps = sorted(set.intersection(*map(set, scores_by_step)))
        if not steps or (cell != PRETRAINED and steps[-1] != entries[0]["steps"]):
            raise InputError(f"cell '{cell}' is not finished; run the ablation pipeline to its end")
        about = {k: entries[0][k] for k in ("kind", "steps", "network_evaluations", "terms", "published")}
        cells[cell] = result = CellResult(cell=cell, checkpoints=steps, **about)
        for entry, by_step in zip(entries, scores_by_step, strict=True):
            for step in steps:
                tables["held-out"].append(_table(by_step[step], result.at(step), entry["seed"]))
            if "training" in by_step[steps[-1]]:
                final = by_step[steps[-1]]["training"]
                tables["training"].append(_table(final, result.final, entry["seed"]))
    return Results(cells, {motion: _judged(rows, seed, resamples) for motion, rows in tables.items()})


def _judged(tables: list[pd.DataFrame], seed: int, resamples: int) -> PairedScores:
    return PairedScores.of(pd.concat(tables, ignore_index=True), np.random.default_rng(seed), resamples)


def _checkpoints(name: str, scores: dict[str, Record]) -> dict[int, Record]:
    """Scores of one cell and seed by step."""
    return {score["step"]: score for key, score in scores.items() if key.startswith(f"{name}/")}


def _table(score: Record, label: str, seed: int) -> pd.DataFrame:
    paid = {f"{PAID}{term}": values for term, values in score["rewards"].items()}
    return pd.DataFrame(score["windows"] | paid).assign(cell=label, seed=seed)
