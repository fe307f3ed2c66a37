"""The diversity study: cells that are not on disk yet are measured one by one; then all are compared."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch

from motiongrpo.base.checkpoint import Checkpoint, architecture_of, digest_of
from motiongrpo.base.errors import InputError
from motiongrpo.base.progress import with_progress
from motiongrpo.base.training import restored, table_digest
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import DenoiserConfig
from motiongrpo.diffusion.recovery import restored_denoiser
from motiongrpo.experiments.cells import DiversityConfig, cells
from motiongrpo.experiments.diversity import Study, measure
from motiongrpo.experiments.diversity_table import diversity_table
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowBatch, WindowConfig, split_rows
from motiongrpo.policy.grpo import GrpoConfig, Trainer, calibrate
from motiongrpo.rewards.hybrid import HybridReward
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from motiongrpo.viz.experiments.diversity_findings import findings_of_diversity

Record = dict[str, Any]

logger = logging.getLogger(__name__)


def measure_cells(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    pretrained: Checkpoint,
    post_trained: Checkpoint | None,
    reward_model: Checkpoint,
    measured: dict[str, Record],
    config: DiversityConfig,
    grpo: GrpoConfig,
    window: WindowConfig,
    device: str,
) -> Iterator[dict[str, Record]]:
    """One file a cell, each on disk before the next is begun; a cell measured alike before is left alone."""
    checkpoint = chosen(pretrained, post_trained, config)
    inputs = [c.header.weights for c in (checkpoint, pretrained, reward_model)]
    inputs += [motions.digest, table_digest(windows), body.digest]
    protocol = measuring_protocol(inputs, config, grpo)
    found = {cell_name(config, cell.name): cell for cell in cells(config.cells)}
    pending = {k: cell for k, cell in found.items() if measured.get(k, {}).get("protocol") != protocol}
    logger.info("diversity: %d cells, %d to be measured", len(found), len(pending))
    if not pending:
        return
    hands = architecture_of(pretrained.header, DenoiserConfig).include_hands
    supply = TrainingWindows(motions, split_rows(windows, "train"), window, hands, 0.0, config.seed)
    perceptual = PerceptualModel(architecture_of(reward_model.header, PerceptualConfig))
    judge = restored(reward_model, perceptual).to(device).requires_grad_(False)
    reward = HybridReward(body, motions.header.fps, grpo.rewards, judge)
    reference = restored_denoiser(pretrained).to(device).requires_grad_(False)
    scale = calibrate(Trainer(reference, reward, supply.batch, grpo, torch.device(device)))

    def batch(count: int, *address: str | int) -> WindowBatch:
        return supply.batch(count, *address).to(device)

    policy = restored_denoiser(checkpoint).to(device)
    study = Study(policy, reward, scale, batch, config, grpo.advantage, grpo.surrogate)
    for name, cell in with_progress(
        pending.items(), "measuring cells", len(found), len(found) - len(pending)
    ):
        yield {name: {"protocol": protocol, "facts": cell.facts(), **measure(study, cell)}}


def tabulate_diversity(measured: dict[str, Record], config: DiversityConfig) -> pd.DataFrame:
    """All cells of the design, of the chosen checkpoint."""
    names = [cell_name(config, cell.name) for cell in cells(config.cells)]
    missing = [name for name in names if name not in measured]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(names)} cells are not measured, such as '{missing[0]}'; "
            "run kedro run --pipelines diversity"
        )
    rng = np.random.default_rng(config.seed)
    return diversity_table([measured[name] for name in names], rng, config.resamples)


def judge_diversity(table: pd.DataFrame) -> list[Record]:
    """Sentences made from the numbers, also into the log of the run."""
    found = findings_of_diversity(table)
    for finding in found:
        logger.info("diversity: %s", finding.text)
    return [asdict(finding) for finding in found]


def chosen(pretrained: Checkpoint, post_trained: Checkpoint | None, config: DiversityConfig) -> Checkpoint:
    """The checkpoint that is studied."""
    if config.checkpoint == "pretrained_denoiser":
        return pretrained
    if post_trained is None:
        raise InputError("'policy' does not exist yet; make it first: kedro run --pipelines grpo")
    return post_trained


def cell_name(config: DiversityConfig, cell: str) -> str:
    """Cells of two checkpoints lie side by side."""
    return f"{config.checkpoint}/{cell}"


def measuring_protocol(inputs: list[str], config: DiversityConfig, grpo: GrpoConfig) -> str:
    """Names what a cell was measured on and how: cells compare only under one protocol."""
    shape = config.cells.model_dump(include={"spacing_frames", "octaves"})
    measuring = config.model_dump(exclude={"cells", "checkpoint", "resamples"})
    judging = grpo.model_dump(include={"seed", "rollout", "rewards", "advantage", "surrogate"})
    return digest_of(inputs, shape, measuring, judging)
