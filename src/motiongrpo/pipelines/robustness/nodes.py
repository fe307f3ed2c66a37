"""Robustness: the last checkpoints are scored under faulty head paths."""

import itertools
import logging
from pathlib import Path

import pandas as pd

from motiongrpo.base.checkpoint import CheckpointFolder
from motiongrpo.base.errors import InputError
from motiongrpo.base.progress import with_progress
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import TRAININGS, Candidate, trained
from motiongrpo.diffusion.trained import load_denoiser
from motiongrpo.experiments.robustness import UNDISTURBED, Robustness, RobustnessConfig, robustness_table
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig, read_rows, split_rows
from motiongrpo.training.materials import refuse_other_body

logger = logging.getLogger(__name__)


def score_under_disturbance(  # noqa: PLR0913
    pretraining: CheckpointFolder,
    grpo: CheckpointFolder,
    of_runs: dict[str, Path],
    run: str,
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: RobustnessConfig,
    evaluation: EvaluationConfig,
    window: WindowConfig,
    device: str,
) -> pd.DataFrame:
    """Metrics of the last checkpoint of each training with and without every disturbance, and changes."""
    refuse_other_body(body, motions)
    candidates = last_checkpoints(pretraining, grpo, of_runs, run)
    rows = split_rows(windows, "test", evaluation.windows, evaluation.spread)
    about = rows[["sequence", "start", "subject"]].rename(columns={"start": "window"}).reset_index(drop=True)
    held_out = read_rows(motions, rows, window, hands=False).to(device)
    study, tables = Robustness(held_out, body, motions.header.fps, evaluation), []
    for candidate in with_progress(candidates, "scoring under disturbances", len(candidates)):
        denoiser = load_denoiser(Path(candidate.path)).to(device)
        scored = {name: study.score(denoiser, fault) for name, fault in config.cells().items()}
        tables.append(robustness_table(scored, about, candidate, evaluation))
        _log_errors(tables[-1])
    return pd.concat(tables, ignore_index=True)


def last_checkpoints(
    pretraining: CheckpointFolder, grpo: CheckpointFolder, of_runs: dict[str, Path], run: str
) -> list[Candidate]:
    """The last checkpoint of each training, of this run and of the other named runs."""
    found = [trained(pretraining, run), trained(grpo, run)]
    for (name, folder), training in itertools.product(of_runs.items(), TRAININGS):
        found.append(trained(CheckpointFolder(folder / training), name, f"{name}/"))
    last = [series[-1] for series in found if series]
    if not last:
        raise InputError(
            f"there is no checkpoint in '{pretraining.path}' or '{grpo.path}'; run the pretraining pipeline"
        )
    return last


def _log_errors(table: pd.DataFrame) -> None:
    """MPJPE of one checkpoint under each disturbance, hung from the true head."""
    shown = table[(table["metric"] == "mpjpe_mm") & (table["hung_from"] == "true head")]
    errors = shown.set_index("disturbance")["mean"]
    told = ", ".join(f"{name} {error:.1f}" for name, error in errors.items() if name != UNDISTURBED)
    logger.info(
        "robustness: %s, MPJPE %.1f mm; under disturbances: %s",
        table["checkpoint"].iloc[0],
        errors[UNDISTURBED],
        told,
    )
