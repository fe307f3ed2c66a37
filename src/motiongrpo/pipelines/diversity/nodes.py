"""The diversity study: cells that are not on disk yet are measured one by one, then all are compared."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.engine import as_done
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import restored
from motiongrpo.base.progress import with_progress
from motiongrpo.base.provenance import Provenance
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.experiments.cells import DiversityConfig, cells
from motiongrpo.experiments.diversity import Study, measure
from motiongrpo.experiments.diversity_table import diversity_table
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.policy.collection import credit_scale, judge, reward_scale_of
from motiongrpo.policy.grpo import GrpoConfig, calibration_pool
from motiongrpo.training.materials import Materials, refuse_other_body
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
    """One file per cell, saved before the next cell begins; cells with a current measurement are skipped."""
    materials = Materials(
        motions, windows, body, window, device, pretrained=pretrained, reward_model=reward_model
    )
    checkpoint = chosen(pretrained, post_trained, config)
    refuse_other_body(body, motions, **{config.checkpoint: checkpoint})
    inputs = materials.inputs | {"body_file": body.digest, "checkpoint": checkpoint.header.weights}
    provenance = cell_provenance(inputs, config, grpo)
    found = {cell_name(config, cell.name): cell for cell in cells(config.cells)}
    pending = {
        name: cell
        for name, cell in found.items()
        if provenance.changes(measured.get(name, {}).get("measured"))
    }
    logger.info("diversity: %d cells, %d to be measured", len(found), len(pending))
    if not pending:
        return
    supply = materials.supply(config.seed)
    reward = materials.reward(grpo.rewards)
    reference = materials.denoiser().requires_grad_(False)
    pool = calibration_pool(reference, supply.batch, grpo, torch.device(device))
    scale = reward_scale_of(pool, reward, grpo.rollout)
    policy = restored(checkpoint, Denoiser).to(device)
    study = Study(
        policy,
        reward,
        scale,
        supply.batch,
        config,
        grpo.advantage,
        grpo.surrogate,
        grpo.credit,
        credit_scale(judge(pool, reward).values),
    )
    measurements = as_done(measure, study, pending.items(), device)
    done = len(found) - len(pending)
    for name, measurement in with_progress(measurements, "measuring cells", len(found), done):
        yield {name: {"measured": provenance.record(), "facts": pending[name].facts(), **measurement}}


def tabulate_diversity(measured: dict[str, Record], config: DiversityConfig) -> pd.DataFrame:
    """The table of all cells of the design, for the chosen checkpoint."""
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
    """The findings of the study, also written to the log of the run."""
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
    """A cell's file name, which includes its checkpoint."""
    return f"{config.checkpoint}/{cell}"


def cell_provenance(inputs: dict[str, str], config: DiversityConfig, grpo: GrpoConfig) -> Provenance:
    """What a cell was measured on and how; only cells with equal provenance are compared."""
    shape = config.cells.model_dump(include={"spacing_frames", "octaves"})
    measuring = config.model_dump(mode="json", exclude={"cells", "checkpoint", "resamples"})
    judging = {"seed", "rollout", "rewards", "advantage", "surrogate", "credit"}
    parameters = measuring | {"cells": shape, "grpo": grpo.model_dump(mode="json", include=judging)}
    return Provenance("diversity", parameters, inputs)
