"""Cells of an ablation on disk: which are finished, and how a cell is trained and scored.

A training's folder is named by a digest of its parameters and inputs, so a changed parameter leads to another
folder: no older result is overwritten, and it is found again when the parameter is changed back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NotRequired

import pandas as pd
import torch
from pydantic import AfterValidator
from typing_extensions import TypedDict

from motiongrpo.base.checkpoint import (
    Checkpoint,
    CheckpointTree,
    TrainingCheckpoint,
    digest_of,
    load_checkpoint,
    read_header,
)
from motiongrpo.base.network import restored
from motiongrpo.base.provenance import Provenance
from motiongrpo.base.seeds import seed_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.ablation import PRETRAINED, AblationConfig, PlannedCell
from motiongrpo.experiments.published import PublishedRow
from motiongrpo.experiments.scoring import Scorer
from motiongrpo.experiments.supervised import SupervisedConfig
from motiongrpo.experiments.trainings import continue_pretraining, supervise
from motiongrpo.metrics.baselines import MeanPose
from motiongrpo.metrics.evaluation import EvaluationConfig, evaluation_batches, listed
from motiongrpo.metrics.standing import Columns, ScoreRecord, evaluation_provenance, is_current
from motiongrpo.motion.windows import cut_into_windows, read_rows, split_rows
from motiongrpo.policy.advantage import RewardScale
from motiongrpo.policy.collection import reward_scale_of
from motiongrpo.policy.grpo import GrpoConfig, calibration_pool
from motiongrpo.rewards.hybrid import FAULTS, HybridReward
from motiongrpo.training.loop import Rows, Steps, provenance_of, table_digest
from motiongrpo.training.materials import Materials
from motiongrpo.training.post_training import train_policy

VERSION = 3  # to be raised when the code gives a cell of the same parameters another meaning
SCORED_ON_TRAINING_MOTION = (PRETRAINED, "grpo", "continued", "supervised")
TERMS = ["rotation", "position", "aligned_position", "velocity", *FAULTS, "perceptual"]

Score = dict[str, Any]
Saves = tuple[dict[str, Rows], dict[str, TrainingCheckpoint], dict[str, Score]]  # logs, checkpoints, scores


class PlanRow(TypedDict):
    """A planned cell as it is stored: its description, its cost, and the name of its folders."""

    cell: str
    seed: int
    name: str
    kind: str
    steps: int
    network_evaluations: int
    published: PublishedRow | None
    terms: list[str]


class JudgedWindows(TypedDict):
    """Metrics of windows, and their rewards by term."""

    windows: Columns
    rewards: dict[str, list[float | None]]


class CellRecord(ScoreRecord):
    """The score of a checkpoint of a cell; that of a training's last one also has training motion."""

    rewards: dict[str, list[float | None]]
    training: NotRequired[JudgedWindows]


def _paid_by_window(score: CellRecord) -> CellRecord:
    for judged in (score, score.get("training", score)):
        rows = len(judged["windows"]["sequence"])
        for term, values in judged["rewards"].items():
            if len(values) != rows:
                raise ValueError(f"reward '{term}' has {len(values)} rows, 'sequence' {rows}")
    return score


CellScore = Annotated[CellRecord, AfterValidator(_paid_by_window)]


@dataclass(frozen=True)
class Bench:
    """Everything with which cells are trained and scored, and the results of earlier commands."""

    materials: Materials
    plan: list[PlannedCell]
    grpo: GrpoConfig  # of the run
    evaluation: EvaluationConfig
    ablation: AblationConfig
    trained: CheckpointTree
    scored: dict[str, Score]

    def name(self, planned: PlannedCell) -> str:
        """The name of a cell's folders, determined by cell, seed, parameters and inputs."""
        made_from = Provenance(planned.cell, planned.parameters, self.materials.inputs, VERSION)
        return f"{planned.cell}/seed_{planned.seed}/{made_from.digest[:8]}"

    def finished(self, planned: PlannedCell) -> bool:
        """Whether it is trained to its end and every checkpoint has a current score."""
        complete = planned.training is None or self.trained.folder(self.name(planned)).complete
        return complete and not self.unscored(planned)

    def made(self, planned: PlannedCell) -> Iterator[Saves]:
        """Train from the last saved state to the end, then score the checkpoints; each yield is saved."""
        name = self.name(planned)
        folder = self.trained.folder(name)
        if planned.training is not None and not folder.complete:
            for rows, checkpoint in self._steps(planned, folder.state()):
                yield {name: rows}, {name: checkpoint}, {}
        for score_name, path in self.unscored(planned).items():
            checkpoint = self._pretrained if path is None else load_checkpoint(path, "denoiser")
            yield {}, {}, {score_name: self._score(planned, checkpoint, path is not None)}

    def unscored(self, planned: PlannedCell) -> dict[str, Path | None]:
        """Checkpoints without a current score by name; None stands for the pretrained denoiser."""
        name, now = self.name(planned), self._provenance(planned)
        if planned.training is None:
            found: dict[str, tuple[Path | None, str]] = {
                f"{name}/step_0000000": (None, self._pretrained.header.weights)
            }
        else:
            paths = self.trained.folder(name).files()
            found = {f"{name}/{path.stem}": (path, read_header(path).weights) for path in paths}
        return {
            score: path
            for score, (path, weights) in found.items()
            if not is_current(self.scored.get(score), weights, now)
        }

    def cost(self, planned: PlannedCell) -> int:
        """Network evaluations, in samples, of training and scoring; a scored checkpoint counts once."""
        windows = len(self._rows)
        if planned.kind in SCORED_ON_TRAINING_MOTION:
            windows += len(self._training_rows)
        drawn = windows * self.evaluation.samples * planned.candidates
        return planned.evaluations + drawn * planned.sampling.steps

    def paid_terms(self, planned: PlannedCell) -> list[str]:
        """The reward terms of a cell; for one without rewards, those of the run's own GRPO."""
        grpo = planned.training if isinstance(planned.training, GrpoConfig) else self.grpo
        return [str(term) for term in grpo.rewards.terms]

    def changes(self, planned: PlannedCell) -> list[str]:
        """The differences from the last written result of the same cell and seed, if there is one."""
        for folder in self.trained.beside(self.name(planned)):
            for path in folder.files()[-1:]:
                before = provenance_of(read_header(path))
                inputs = self.materials.inputs | {"body_file": self.materials.body.digest}
                now = Provenance(planned.cell, planned.parameters["training"], inputs)
                return now.changes(before)
        return []

    def _steps(self, planned: PlannedCell, state: Checkpoint | None) -> Steps:
        match planned.training:
            case GrpoConfig() as config:
                return train_policy(self.materials, state, config)
            case PretrainingConfig() as config:
                return continue_pretraining(self.materials, state, config)
            case SupervisedConfig() as config:
                return supervise(self.materials, state, config, self._reward, self._scale.omega)
            case None:
                raise AssertionError("a cell without a training has no steps")

    def _score(self, planned: PlannedCell, checkpoint: Checkpoint, trained: bool) -> Score:
        """Metrics and rewards of test windows; for a training's last checkpoint, of training windows, too."""
        denoiser = restored(checkpoint, Denoiser).to(self.materials.device)
        step = checkpoint.header.step if trained else 0
        windows, rewards = self._judged(planned, denoiser, self._rows)
        score = {
            "stage": planned.cell,
            "step": step,
            "weights": checkpoint.header.weights,
            "measured": self._provenance(planned).record(),
            "windows": windows,
            "rewards": rewards,
        }
        if step == planned.steps and planned.kind in SCORED_ON_TRAINING_MOTION:
            windows, rewards = self._judged(planned, denoiser, self._training_rows)
            score["training"] = {"windows": windows, "rewards": rewards}
        return score

    def _judged(
        self, planned: PlannedCell, denoiser: Denoiser, rows: pd.DataFrame
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """The identity of windows with their metrics, and their rewards."""
        m, config = self.materials, self._evaluation(planned)
        scorer = Scorer(self._reward, self._scale.omega, config)
        batches = evaluation_batches(read_rows(m.motions, rows, m.window, hands=False).to(m.device), config)
        if planned.placement is None:
            parts = [scorer.score(denoiser, batch, planned.candidates, planned.taken) for batch in batches]
        else:
            parts = [scorer.score_constant(self._mean_pose, planned.placement, batch) for batch in batches]
        metrics, rewards = ([part[i] for part in parts] for i in (0, 1))
        columns = {"sequence": "sequence", "start": "window", "subject": "subject"}
        about = {name: rows[column].tolist() for column, name in columns.items()}
        return about | listed(metrics), listed(rewards)

    def _evaluation(self, planned: PlannedCell) -> EvaluationConfig:
        """The settings of the evaluation: cells of the same seed start from the same noise."""
        config = self.evaluation
        seed = seed_for(config.seed, "ablation", planned.seed)
        return config.model_copy(update={"seed": seed, "sampling": planned.sampling})

    def _provenance(self, planned: PlannedCell) -> Provenance:
        """The provenance of a score of the cell; rewards are measured alike for all cells."""
        m, windows = self.materials, digest_of(table_digest(self._rows), self.materials.window.length)
        config = self._evaluation(planned)
        measuring = evaluation_provenance(m.motions.digest, windows, m.body.digest, config)
        yardstick = {"rewards", "rollout", "advantage", "seed"}
        parameters = measuring.parameters | {
            "candidates": planned.candidates,
            "taken": planned.taken,
            "yardstick": self._yardstick.model_dump(mode="json", include=yardstick),
        }
        return Provenance("ablation", parameters, measuring.inputs | m.inputs, VERSION)

    @property
    def _pretrained(self) -> Checkpoint:
        assert self.materials.pretrained is not None  # an ablation needs a pretrained denoiser
        return self.materials.pretrained

    @property
    def _yardstick(self) -> GrpoConfig:
        """The rewards by which all cells are measured: all terms, each with the steepness of its median."""
        grpo = self.grpo
        rewards = grpo.rewards.model_copy(update={"terms": TERMS, "omega": "median"})
        return grpo.model_copy(update={"rewards": rewards})

    @property
    def _windows(self) -> int:
        return self.ablation.pace.windows

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return split_rows(self.materials.windows, "test", self._windows, self.evaluation.spread)

    @cached_property
    def _training_rows(self) -> pd.DataFrame:
        """`pace.windows` windows of training motion, evenly spaced, none of them mirrored."""
        m = self.materials
        cut = cut_into_windows(split_rows(m.windows, "train"), m.window)
        return split_rows(cut, "train", self._windows)

    @cached_property
    def _mean_pose(self) -> MeanPose:
        return MeanPose.of(self.materials.motions, self.materials.windows)

    @cached_property
    def _reward(self) -> HybridReward:
        return self.materials.reward(self._yardstick.rewards)

    @cached_property
    def _scale(self) -> RewardScale:
        """Steepness of all terms, the same for all cells."""
        m, config = self.materials, self._yardstick
        reference = m.denoiser().requires_grad_(False)
        windows = m.supply(config.seed).batch
        pool = calibration_pool(reference, windows, config, torch.device(m.device))
        return reward_scale_of(pool, self._reward, config.rollout)
