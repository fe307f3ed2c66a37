"""What faults of a head path cost: denoisers scored on held-out windows under faulty paths.

Every motion is judged against the true one, hung from the head twice:

* from the true head: what the fault does to the motion that the network makes of the path;
* from the head as it was told, as in use: the body goes where the headset says it is, so a floor that is
  10 cm off lifts every joint by 10 cm, whatever the network does.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from motiongrpo.base.config import Config
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSequence
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.disturbance import Disturbance, equal_amounts, told_paths
from motiongrpo.metrics.evaluation import (
    EvaluationBatch,
    EvaluationConfig,
    draw_samples,
    evaluation_batches,
    listed,
    score_samples,
)
from motiongrpo.metrics.table import comparison
from motiongrpo.motion.windows import WindowBatch

UNDISTURBED = "none"

Hung = Literal["true head", "told head"]
HUNG: tuple[Hung, ...] = get_args(Hung)
Scores = dict[str, list[float | None]]  # a value for each window, by metric


class RobustnessConfig(Config):
    """The faults that are measured, by name, each beside the undisturbed path."""

    disturbances: dict[str, Disturbance] = Field(min_length=1)

    @field_validator("disturbances")
    @classmethod
    def refuse_the_name_of_none(cls, disturbances: dict[str, Disturbance]) -> dict[str, Disturbance]:
        if UNDISTURBED in disturbances:
            raise ValueError(f"'{UNDISTURBED}' is the undisturbed path, which is always scored: rename it")
        return disturbances

    def cells(self) -> dict[str, Disturbance | None]:
        """All that is scored, the undisturbed path first."""
        return {UNDISTURBED: None, **self.disturbances}


@dataclass(frozen=True)
class Robustness:
    """Scores checkpoints under disturbances by evaluation's protocol; undisturbed, they are its scores."""

    windows: WindowBatch
    body: BodyModel
    fps: float
    protocol: EvaluationConfig

    def score(self, denoiser: Denoiser, disturbance: Disturbance | None) -> dict[Hung, Scores]:
        """Every metric of every window; faults, noise and windows are the same for every checkpoint."""
        batches = evaluation_batches(self.windows, self.protocol)
        measured = [self._measure(denoiser, batch, disturbance) for batch in batches]
        return {hung: listed([scores[hung] for scores in measured]) for hung in HUNG}

    def _measure(
        self, denoiser: Denoiser, batch: EvaluationBatch, disturbance: Disturbance | None
    ) -> dict[Hung, dict[str, PerSequence]]:
        told = self._told(batch, disturbance)
        x = draw_samples(denoiser, replace(batch, windows=told), self.protocol)
        given = (x, batch.windows, self.body, self.fps)
        return {
            "true head": score_samples(*given),
            "told head": score_samples(*given, told.T_world_cpf[:, 1:]),
        }

    def _told(self, batch: EvaluationBatch, disturbance: Disturbance | None) -> WindowBatch:
        windows = batch.windows
        if disturbance is None:
            return windows
        generator = generator_for(self.protocol.seed, "robustness", batch.first)
        amounts = equal_amounts(len(windows), disturbance)
        told = told_paths(windows.T_world_cpf, windows.mask, self.fps, amounts, generator)
        return replace(windows, T_world_cpf=told)


def robustness_table(
    scored: dict[str, dict[Hung, Scores]],
    about: pd.DataFrame,
    candidate: Candidate,
    protocol: EvaluationConfig,
) -> pd.DataFrame:
    """Of one checkpoint: for both ways to hang its bodies, every disturbance and metric, and the change.

    `about` has sequence, window and subject of each window, numbered from 0. Means, changes and their 95 %
    intervals are those of a comparison of checkpoints, with disturbances in the place of checkpoints.
    """
    whole, made = [], {"stage": candidate.stage, "step": candidate.step}
    for hung in HUNG:
        tables = [
            pd.concat([about, pd.DataFrame(scores[hung])], axis=1).assign(checkpoint=name, **made)
            for name, scores in scored.items()
        ]
        rng = np.random.default_rng(protocol.seed)
        scores = pd.concat(tables, ignore_index=True)
        table = comparison(scores, UNDISTURBED, rng, protocol.resamples, protocol.spread)
        whole.append(table.rename(columns={"checkpoint": "disturbance"}).assign(hung_from=hung))
    table = pd.concat(whole, ignore_index=True).assign(checkpoint=candidate.name)
    return table[["checkpoint", "hung_from", *table.columns.drop(["checkpoint", "hung_from"])]]
