"""Scoring of any candidate on held-out motion: a denoiser, a guided denoiser, or a baseline."""

from dataclasses import dataclass
from pathlib import Path

from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.trained import load_denoiser
from motiongrpo.metrics.baselines import BASELINES, TrainingMotion, score_baseline
from motiongrpo.metrics.evaluation import EvaluationConfig, score_denoiser
from motiongrpo.metrics.guided import GUIDED
from motiongrpo.motion.windows import WindowBatch


@dataclass(frozen=True)
class HeldOut:
    """The data and settings with which all candidates of an evaluation are scored."""

    training: TrainingMotion  # whose mean is the constant pose
    fps: float
    batch: WindowBatch  # of the test split, on the device of the evaluation
    body: BodyModel
    config: EvaluationConfig


def score_candidate(test: HeldOut, candidate: Candidate) -> dict[str, list[float | None]]:
    """Every metric of every window for one candidate; None where it is undefined."""
    if candidate.stage == BASELINES:
        return score_baseline(candidate, test.training, test.batch, test.fps, test.body, test.config)
    denoiser = load_denoiser(Path(candidate.path)).to(test.batch.betas.device)
    guidance = test.config.guidance if candidate.stage == GUIDED else None
    return score_denoiser(denoiser, test.batch, test.body, test.fps, test.config, guidance)
