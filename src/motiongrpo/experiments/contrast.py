"""Contrasts of cells of an experiment: over seeds, with bootstrap intervals over held-out people.

Every cell is scored on the same windows under the same seeds. A contrast is a weighted sum of cells, computed
for each window and seed before averaging, so that common variation cancels. Its interval is the variation
with other held-out motion; the variation with the seed is given separately.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray

from motiongrpo.base.errors import InputError
from motiongrpo.metrics.bootstrap import SUBJECTS_AT_LEAST, Draws, draw_people, estimate
from motiongrpo.metrics.score import METRICS

WINDOW = ["subject", "sequence", "window"]

SeedValues = Float[ndarray, "seed window"]


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of means over windows and seeds, with its 95 % interval and the value of each seed."""

    value: float
    low: float
    high: float
    by_seed: list[float]
    windows: int
    sequences: int

    @property
    def sign(self) -> int:
        """1 or −1 where the interval and every seed are on the same side of zero, else 0, undecided."""
        for sign in (1, -1):
            if min(sign * self.low, sign * self.high) > 0 and min(sign * v for v in self.by_seed) > 0:
                return sign
        return 0

    @property
    def seed_deviation(self) -> float:
        """Standard deviation over seeds; NaN with one seed."""
        return float(np.std(self.by_seed, ddof=1)) if len(self.by_seed) > 1 else float("nan")


@dataclass(frozen=True)
class PairedScores:
    """Scores of every cell on the same windows and seeds, and one set of bootstrap resamples for all."""

    cells: dict[str, dict[str, SeedValues]]  # by cell and column
    seeds: list[int]
    subjects: int
    sequence: Int[ndarray, " window"]
    draws: Draws

    @classmethod
    def of(cls, scores: pd.DataFrame, rng: np.random.Generator, resamples: int) -> "PairedScores":
        """From rows (cell, seed, subject, sequence, window, column …); every cell must have every window."""
        seeds, names = sorted(set(scores["seed"])), list(dict.fromkeys(scores["cell"]))
        ordered = {key: rows.sort_values(WINDOW) for key, rows in scores.groupby(["cell", "seed"])}
        reference = next(iter(ordered.values()))[WINDOW].reset_index(drop=True)
        for name in names:
            for seed in seeds:
                _refuse_other_windows(name, seed, ordered.get((name, seed)), reference)
        columns = [name for name in scores.columns if name not in {"cell", "seed", *WINDOW}]
        cells = {
            name: {c: np.stack([ordered[name, seed][c].to_numpy(float) for seed in seeds]) for c in columns}
            for name in names
        }
        _, sequence = np.unique(reference["sequence"].to_numpy(), return_inverse=True)
        owners = reference.drop_duplicates("sequence").sort_values("sequence")["subject"].to_numpy()
        return cls(cells, seeds, len(set(owners)), sequence, draw_people(owners, resamples, rng))

    @property
    def resampled(self) -> str:
        """The units that intervals are over, in words."""
        nested = self.subjects >= SUBJECTS_AT_LEAST
        return "subjects, then their sequences" if nested else "sequences within subjects"

    def contrast(self, weights: dict[str, float], metric: str) -> Contrast:
        """Σ weight · cell of one metric, averaged over seeds and windows."""
        values = sum(weight * self.cells[cell][metric] for cell, weight in weights.items())
        about = METRICS.get(metric)
        first = self.cells[next(iter(weights))]
        weighing = first[about.weight].mean(0) if about and about.weight else np.ones(len(self.sequence))
        return self._estimated(np.asarray(values), weighing)

    def paid(self, cell: str, reference: str, columns: list[str]) -> Contrast:
        """The mean rise of several columns over a reference, each in standard deviations of its windows."""
        rises = [
            (self.cells[cell][c] - self.cells[reference][c]) / self.deviation(reference, c) for c in columns
        ]
        return self._estimated(np.mean(rises, axis=0), np.ones(len(self.sequence)))

    def deviation(self, cell: str, column: str) -> float:
        """Standard deviation over a cell's windows, each averaged over seeds."""
        return float(np.nanstd(self.cells[cell][column].mean(0)))

    def _estimated(self, values: SeedValues, weighing: Float[ndarray, " window"]) -> Contrast:
        together = np.column_stack([values.mean(0), *values])
        e = estimate(together, weighing, self.sequence, self.draws)
        interval = (float(e.mean[0]), float(e.low[0]), float(e.high[0]))
        return Contrast(*interval, e.mean[1:].tolist(), int(e.windows[0]), int(e.sequences[0]))


def _refuse_other_windows(name: str, seed: int, table: pd.DataFrame | None, reference: pd.DataFrame) -> None:
    if table is None:
        raise InputError(
            f"cell '{name}' has no score under seed {seed}; run the ablation pipeline to its end"
        )
    if not table[WINDOW].reset_index(drop=True).equals(reference):
        raise InputError(
            f"cell '{name}' under seed {seed} was scored on other windows; run the ablation pipeline again"
        )
