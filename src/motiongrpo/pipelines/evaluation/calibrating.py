"""Nodes that calibrate the bands of a run's final model, and check them on held-out motion."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import TRAININGS, Candidate, judged_run
from motiongrpo.diffusion.trained import load_denoiser
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.metrics.band_calibration import (
    judged_samples,
    no_reliability,
    people_of,
    reliability,
    stretches_of,
)
from motiongrpo.metrics.bands import BandCalibration, BandConfig, JudgedSamples, calibrated
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig, split_rows
from motiongrpo.training.materials import refuse_other_body

NO_MODEL = "bands are not calibrated: there is no trained model"
NO_VALIDATION = (
    "bands are not calibrated: there is no validation motion, and the run that trained the model has no bands"
)

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
    so_far: BandCalibration | None,
) -> Record:
    """The final model's bands, calibrated on validation motion; without any, its present ones, or empty."""
    model = final_model(found)
    if model is None:
        logger.warning(NO_MODEL)
        return {}
    if "validation" not in set(windows["split"]):
        if so_far is not None and so_far.weights == model.weights:
            return so_far.model_dump(mode="json")
        logger.warning(NO_VALIDATION)
        return {}
    refuse_other_body(body, motions)
    rows = split_rows(stretches_of(windows), "validation", bands.stretches, "people")
    plan = WindowPlan(length=window.length, overlap=max(1, window.length // 4))  # EgoAllo's share of overlap
    drawn = config.model_copy(update={"samples": bands.samples})
    return BandCalibration(
        weights=model.weights,
        samples=bands.samples,
        sampling=config.sampling,
        plan=plan,
        stretches=len(rows),
        people=rows["subject"].nunique(),
        bands=calibrated(_judged(model, motions, rows, body, plan, drawn, device)),
    ).model_dump(mode="json")


def check_bands(  # noqa: PLR0913
    band_calibration: Record,
    found: list[Record],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    bands: BandConfig,
    device: str,
) -> pd.DataFrame:
    """The share of test motion's joints inside the bands; without rows where none were calibrated."""
    model = final_model(found)
    if model is None or not band_calibration:
        return no_reliability()
    calibration = BandCalibration.model_validate(band_calibration)
    rows = split_rows(stretches_of(windows), "test", bands.stretches, "people")
    drawn = config.model_copy(update={"samples": calibration.samples, "sampling": calibration.sampling})
    judged = _judged(model, motions, rows, body, calibration.plan, drawn, device)
    rng = np.random.default_rng(config.seed)
    return reliability(judged, calibration.bands, people_of(rows), rng, config.resamples)


def final_model(found: list[Record]) -> Candidate | None:
    """The last checkpoint of post-training, or else of pretraining, of the run whose models are evaluated."""
    candidates = [Candidate(**record) for record in found]
    own = [candidate for candidate in candidates if candidate.run == judged_run(candidates)]
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
    plan: WindowPlan,
    config: EvaluationConfig,
    device: str,
) -> JudgedSamples:
    denoiser = load_denoiser(Path(model.path)).to(device)
    parts = list(judged_samples(denoiser, motions, rows, body, plan, config))
    return JudgedSamples.concatenate(parts)
