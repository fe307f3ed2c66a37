"""Nodes that calibrate how sure a run's final model is, and check it on held-out motion."""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from motiongrpo.base.progress import with_progress
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import TRAININGS, Candidate
from motiongrpo.diffusion.trained import load_denoiser
from motiongrpo.metrics.band_calibration import judged_samples, no_reliability, reliability
from motiongrpo.metrics.bands import BandCalibration, BandConfig, JudgedSamples, calibrated
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig, read_rows, split_rows
from motiongrpo.pipelines.evaluation.nodes import is_own

NONE_TO_CALIBRATE = "bands are not calibrated: this run has no model of its own"
NO_VALIDATION = "bands are not calibrated: there is no validation motion"

Record = dict[str, Any]

logger = logging.getLogger(__name__)


def calibrate_bands(  # noqa: PLR0913
    found: list[Record],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    bands: BandConfig,
    window: WindowConfig,
    device: str,
) -> Record:
    """The bands of the run's final model on validation motion; empty where there is no model or no motion."""
    model = final_model(found)
    reason = NONE_TO_CALIBRATE if model is None else NO_VALIDATION
    if model is None or "validation" not in set(windows["split"]):
        logger.warning("%s", reason)
        return {}
    rows = split_rows(windows, "validation", bands.windows, "people")
    batch_config = config.model_copy(update={"samples": bands.samples})
    judged = _judged(model, motions, rows, body, batch_config, window, device)
    return BandCalibration(
        weights=model.weights,
        samples=bands.samples,
        sampling=config.sampling,
        windows=len(rows),
        people=rows["subject"].nunique(),
        bands=calibrated(judged),
    ).model_dump(mode="json")


def check_bands(  # noqa: PLR0913
    band_calibration: Record,
    found: list[Record],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    bands: BandConfig,
    window: WindowConfig,
    device: str,
) -> pd.DataFrame:
    """What share of the joints of test motion the bands hold; no rows where none were calibrated."""
    model = final_model(found)
    if model is None or not band_calibration:
        return no_reliability()
    calibration = BandCalibration.model_validate(band_calibration)
    rows = split_rows(windows, "test", bands.windows, "people")
    batch_config = config.model_copy(update={"samples": calibration.samples})
    judged = _judged(model, motions, rows, body, batch_config, window, device)
    return reliability(
        judged,
        calibration.bands,
        sorted(rows["subject"].unique()),
        rows["sequence"].to_numpy(),
        np.random.default_rng(config.seed),
        config.resamples,
    )


def final_model(found: list[Record]) -> Candidate | None:
    """The last checkpoint of the run's post-training, else of its pretraining, where there is one."""
    own = [candidate for record in found if is_own((candidate := Candidate(**record)).name)]
    for training in reversed(TRAININGS):
        of_training = [candidate for candidate in own if candidate.stage == training]
        if of_training:
            return max(of_training, key=lambda candidate: candidate.step)
    return None


def _judged(
    model: Candidate,
    motions: MotionStore,
    rows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    window: WindowConfig,
    device: str,
) -> JudgedSamples:
    batch = read_rows(motions, rows, window, hands=False).to(device)
    person = torch.from_numpy(np.unique(rows["subject"].to_numpy(str), return_inverse=True)[1])
    parts = judged_samples(load_denoiser(Path(model.path)).to(device), batch, person, body, config)
    what = f"sampling {rows['split'].iloc[0]} windows for bands"
    return JudgedSamples.concatenate(
        list(with_progress(parts, what, math.ceil(len(rows) / config.batch_size)))
    )
