"""Cells on the bench: which are finished, how one is trained and scored, what is on disk of it.

A training's folder is named by a digest of its parameters and inputs. A changed parameter therefore leads to
another folder: nothing old is overwritten, and changing it back finds what was there.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from motiongrpo.app.parameters import ProjectParameters
from motiongrpo.base.checkpoint import (
    Checkpoint,
    CheckpointTree,
    TrainingCheckpoint,
    architecture_of,
    digest_of,
    load_checkpoint,
    read_header,
)
from motiongrpo.base.seeds import seed_for
from motiongrpo.base.training import Rows, restored
from motiongrpo.base.words import differences
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.ablation import PRETRAINED, PlannedCell
from motiongrpo.experiments.scoring import Scorer
from motiongrpo.experiments.supervised import SupervisedConfig
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.protocol import is_current
from motiongrpo.motion.windows import cut_into_windows, read_rows, split_rows
from motiongrpo.pipelines.ablation.trainings import (
    Materials,
    Steps,
    train_grpo,
    train_longer,
    train_supervised,
)
from motiongrpo.pipelines.evaluation.nodes import protocol_of_now
from motiongrpo.policy.advantage import RewardScale
from motiongrpo.policy.collection import reward_scale_of
from motiongrpo.policy.grpo import GrpoConfig, calibration_pool
from motiongrpo.rewards.hybrid import HybridReward
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel

PROTOCOL = 2  # to be raised when a cell of the same parameters comes to mean something else
SCORED_ON_TRAINING_MOTION = (PRETRAINED, "grpo", "continued", "supervised")
TERMS = ["rotation", "position", "aligned_position", "velocity", "perceptual"]

Score = dict[str, Any]
Columns = dict[str, list[Any]]
Saves = tuple[dict[str, Rows], dict[str, TrainingCheckpoint], dict[str, Score]]  # logs, checkpoints, scores

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """Materials, parameters and what an earlier command left; holds no state of its own."""

    materials: Materials
    parameters: ProjectParameters
    trained: CheckpointTree
    scored: dict[str, Score]

    def name(self, planned: PlannedCell) -> str:
        """Of a cell's folders: the same cell, seed, parameters and inputs have the same one."""
        digest = digest_of(PROTOCOL, planned.parameters, self.materials.inputs)[:8]
        return f"{planned.cell}/seed_{planned.seed}/{digest}"

    def finished(self, planned: PlannedCell) -> bool:
        """Trained to the end, and every checkpoint scored under the protocol of now."""
        complete = planned.training is None or self.trained.folder(self.name(planned)).complete
        return complete and not self.unscored(planned)

    def made(self, planned: PlannedCell) -> Iterator[Saves]:
        """Train from where the cell stands to its end, then score its checkpoints; a yield is on disk."""
        name = self.name(planned)
        folder = self.trained.folder(name)
        if planned.training is not None and not folder.complete:
            for rows, checkpoint in self._steps(planned, folder.state()):
                yield {name: rows}, {name: checkpoint}, {}
        for score_name, path in self.unscored(planned).items():
            checkpoint = self.materials.denoiser if path is None else load_checkpoint(path, "denoiser")
            yield {}, {}, {score_name: self._score(planned, checkpoint, path is not None)}

    def unscored(self, planned: PlannedCell) -> dict[str, Path | None]:
        """Checkpoints without a current score by name; None stands for the pretrained denoiser."""
        name, protocol = self.name(planned), self._protocol(planned)
        if planned.training is None:
            found: dict[str, tuple[Path | None, str]] = {
                f"{name}/step_0000000": (None, self.materials.denoiser.header.weights)
            }
        else:
            paths = self.trained.folder(name).files()
            found = {f"{name}/{path.stem}": (path, read_header(path).weights) for path in paths}
        return {
            score: path
            for score, (path, weights) in found.items()
            if not is_current(self.scored.get(score), protocol, weights)
        }

    def cost(self, planned: PlannedCell) -> int:
        """Samples through the network that training and scoring take, a scored checkpoint counted once."""
        windows = len(self._rows)
        if planned.kind in SCORED_ON_TRAINING_MOTION:
            windows += len(self._training_rows)
        drawn = windows * self.parameters.evaluation.samples * planned.candidates
        return planned.evaluations + drawn * planned.sampling.steps

    def paid_terms(self, planned: PlannedCell) -> list[str]:
        """The rewards a cell is paid for; of one that is not paid, those of the run's own GRPO."""
        grpo = planned.training if isinstance(planned.training, GrpoConfig) else self.parameters.grpo
        return [str(term) for term in grpo.rewards.terms]

    def changes(self, planned: PlannedCell) -> list[str]:
        """What differs from the result of the same cell and seed that was written last, if there is one."""
        for folder in self.trained.beside(self.name(planned)):
            for path in folder.files()[-1:]:
                header, training = read_header(path), planned.parameters["training"]
                changed = differences(header.parameters, training, planned.cell)
                return changed + differences(header.inputs, self.materials.inputs, "input")
        return []

    def _steps(self, planned: PlannedCell, state: Checkpoint | None) -> Steps:
        match planned.training:
            case GrpoConfig() as config:
                return train_grpo(self.materials, state, config)
            case PretrainingConfig() as config:
                return train_longer(self.materials, state, config)
            case SupervisedConfig() as config:
                return train_supervised(self.materials, state, config, self._reward, self._scale.omega)
            case None:
                raise AssertionError("a cell without a training has no steps")

    def _score(self, planned: PlannedCell, checkpoint: Checkpoint, trained: bool) -> Score:
        """Metrics and rewards of test windows; of what was trained, in the end, of training windows too."""
        denoiser = restored(checkpoint, self.materials.pretrained())
        step = checkpoint.header.step if trained else 0
        windows, rewards = self._judged(planned, denoiser, self._rows)
        score = {
            "stage": planned.cell,
            "step": step,
            "weights": checkpoint.header.weights,
            "protocol": self._protocol(planned),
            "windows": windows,
            "rewards": rewards,
        }
        if step == planned.steps and planned.kind in SCORED_ON_TRAINING_MOTION:
            windows, rewards = self._judged(planned, denoiser, self._training_rows)
            score["training"] = {"windows": windows, "rewards": rewards}
        return score

    def _judged(
        self, planned: PlannedCell, denoiser: Denoiser, rows: pd.DataFrame
    ) -> tuple[Columns, Columns]:
        """What windows they are and their metrics, and what they would be paid."""
        m, scorer = self.materials, Scorer(self._reward, self._scale.omega, self._evaluation(planned))
        parts = []
        for first in range(0, len(rows), scorer.config.batch_size):
            some = rows.iloc[first : first + scorer.config.batch_size]
            batch = read_rows(m.motions, some, m.window, hands=False).to(m.device)
            parts.append(scorer.score(denoiser, batch, first, planned.candidates, planned.taken))
        metrics, rewards = ([part[i] for part in parts] for i in (0, 1))
        columns = {"sequence": "sequence", "start": "window", "subject": "subject"}
        about = {name: rows[column].tolist() for column, name in columns.items()}
        return about | _listed(metrics), _listed(rewards)

    def _evaluation(self, planned: PlannedCell) -> EvaluationConfig:
        """All cells of a seed start from the same noise, those of another seed from another."""
        config = self.parameters.evaluation
        seed = seed_for(config.seed, "ablation", planned.seed)
        return config.model_copy(update={"seed": seed, "sampling": planned.sampling})

    def _protocol(self, planned: PlannedCell) -> str:
        m, config = self.materials, self._evaluation(planned)
        measuring = protocol_of_now(m.motions, self._rows, m.body, config, m.window).digest
        yardstick = self._yardstick.model_dump(include={"rewards", "rollout", "advantage", "seed"})
        return digest_of(PROTOCOL, measuring, planned.candidates, planned.taken, yardstick, m.inputs)

    @property
    def _yardstick(self) -> GrpoConfig:
        """The rewards every cell is measured by, paid or not: all terms, each at its median's steepness."""
        grpo = self.parameters.grpo
        rewards = grpo.rewards.model_copy(update={"terms": TERMS, "omega": "median"})
        return grpo.model_copy(update={"rewards": rewards})

    @property
    def _windows(self) -> int:
        return self.parameters.ablation.pace.windows

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return split_rows(self.materials.windows, "test", self._windows)

    @cached_property
    def _training_rows(self) -> pd.DataFrame:
        """As many windows of training motion, evenly spaced, none of them mirrored."""
        m = self.materials
        cut = cut_into_windows(split_rows(m.windows, "train"), m.window)
        return split_rows(cut, "train", self._windows)

    @cached_property
    def _reward(self) -> HybridReward:
        m = self.materials
        perceptual = PerceptualModel(architecture_of(m.reward_model.header, PerceptualConfig))
        judge = restored(m.reward_model, perceptual).to(m.device).requires_grad_(False)
        return HybridReward(m.body, m.motions.header.fps, self._yardstick.rewards, judge)

    @cached_property
    def _scale(self) -> RewardScale:
        """Steepness of all terms, the same for all cells."""
        m, config = self.materials, self._yardstick
        supply = m.supply(0.0, config.seed)
        reference = m.pretrained().requires_grad_(False)
        pool = calibration_pool(reference, supply.batch, config, torch.device(m.device))
        return reward_scale_of(pool, self._reward, config.rollout)


def _listed(parts: list[dict[str, Tensor]]) -> Columns:
    """Values of all windows by name; None where one is undefined, since JSON knows no NaN."""
    values = {name: torch.cat([part[name] for part in parts]).tolist() for name in parts[0]}
    return {name: [None if math.isnan(v) else v for v in column] for name, column in values.items()}
