"""Evaluation: every checkpoint that has no score gets one; then all are compared."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from motiongrpo.body.body_model import BodyModel
from motiongrpo.checkpoint import Checkpoint, CheckpointFolder, digest_of, load_checkpoint, read_header
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.errors import InputError
from motiongrpo.metrics.evaluation import EvaluationConfig, score_windows
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.table import comparison
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowBatch, WindowConfig, read_rows, split_rows
from motiongrpo.pipelines.progress import with_progress
from motiongrpo.pipelines.training import restored, table_digest
from motiongrpo.seeds import generator_for

Score = dict[str, Any]

logger = logging.getLogger(__name__)


def score_checkpoints(  # noqa: PLR0913
    pretraining: CheckpointFolder,
    grpo: CheckpointFolder,
    scored: dict[str, Score],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    window: WindowConfig,
    device: str,
) -> Iterator[dict[str, Score]]:
    """One score file a checkpoint, each on disk before the next is begun."""
    found = found_checkpoints(pretraining, grpo)
    rows = split_rows(windows, "test", config.windows)
    protocol = evaluation_protocol(motions, rows, config)
    pending = {
        name: path
        for name, path in found.items()
        if config.force or not is_current(scored.get(name), protocol, read_header(path).weights)
    }
    logger.info("evaluation: %d checkpoints found, %d to be scored", len(found), len(pending))
    batch = read_rows(motions, rows, window, hands=False).to(device)
    for name, path in with_progress(pending.items(), "scoring checkpoints", len(pending)):
        checkpoint = load_checkpoint(path, "denoiser")
        metrics = score_checkpoint(checkpoint, batch, body, motions.header.fps, config)
        about = rows[["sequence", "start", "subject"]].rename(columns={"start": "window"})
        header = checkpoint.header
        yield {
            name: {
                "stage": header.stage,
                "step": header.step,
                "weights": header.weights,
                "protocol": protocol,
                "windows": about.to_dict(orient="list") | metrics,
            }
        }


def is_current(score: Score | None, protocol: str, weights: str) -> bool:
    """Whether a score is of these weights, measured this way."""
    return score is not None and (score["protocol"], score["weights"]) == (protocol, weights)


def score_checkpoint(
    checkpoint: Checkpoint, batch: WindowBatch, body: BodyModel, fps: float, config: EvaluationConfig
) -> dict[str, list[float | None]]:
    """Every metric of every window; None where it is undefined."""
    architecture = DenoiserConfig(**checkpoint.header.architecture)
    device = batch.betas.device
    denoiser = restored(checkpoint, Denoiser(architecture)).to(device)
    parts = []
    for first in range(0, len(batch), config.batch_size):
        index = torch.arange(first, min(first + config.batch_size, len(batch)))
        generator = generator_for(config.seed, "evaluation", first, device=device)
        parts.append(score_windows(denoiser, batch.rows(index), body, fps, config, generator))
    metrics = {name: torch.cat([part[name] for part in parts]).tolist() for name in parts[0]}
    return {name: [None if math.isnan(v) else v for v in values] for name, values in metrics.items()}


def compare_checkpoints(scores: dict[str, Score], config: EvaluationConfig) -> pd.DataFrame:
    """Means, intervals and differences from the last pretrained checkpoint."""
    table = scores_table(scores)
    stages = table.drop_duplicates("checkpoint").set_index("checkpoint")
    pretrained = stages[stages["stage"] == "pretraining"]
    if pretrained.empty:
        raise InputError("no pretrained checkpoint has a score to compare with; run the pretraining pipeline")
    reference = str(pretrained["step"].idxmax())
    return comparison(table, reference, np.random.default_rng(config.seed), config.resamples)


def found_checkpoints(*folders: CheckpointFolder) -> dict[str, Path]:
    """By name, such as `grpo/step_0000040`."""
    found = {f"{path.parent.name}/{path.stem}": path for folder in folders for path in folder.files()}
    if not found:
        places = " and ".join(f"'{folder.path}'" for folder in folders)
        raise InputError(f"there is no checkpoint in {places}; run the pretraining pipeline")
    return found


def evaluation_protocol(motions: MotionStore, rows: pd.DataFrame, config: EvaluationConfig) -> str:
    """Names what a score was measured on: scores compare only under one protocol."""
    measuring = config.model_dump(exclude={"resamples", "force"})
    return digest_of(motions.digest, table_digest(rows), measuring, list(METRICS))


def scores_table(scores: dict[str, Score]) -> pd.DataFrame:
    """All scores as one tidy table, a row per checkpoint and window."""
    tables = []
    for name, score in scores.items():
        about = {key: score[key] for key in ("stage", "step")}
        tables.append(pd.DataFrame(score["windows"]).assign(checkpoint=name, **about))
    return pd.concat(tables, ignore_index=True)
