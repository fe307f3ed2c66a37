"""The perceptual reward model: trained on true against false motion, calibrated and examined on held-out."""

from dataclasses import replace
from typing import Literal

import pandas as pd

from motiongrpo.base.checkpoint import Checkpoint, CheckpointFolder, load_checkpoint
from motiongrpo.base.network import restored
from motiongrpo.base.processes import on_processes, training_processes
from motiongrpo.base.seeds import generator_for
from motiongrpo.body.body_model import BodyModel
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.rewards.examination import ExaminationReport, Examiner, examine, fit_calibration
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput, RewardModelConfig, hard_negatives
from motiongrpo.training.loop import Steps
from motiongrpo.training.materials import Materials
from motiongrpo.training.perceptual import train_judge


def train_reward_model(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    state: Checkpoint | None,
    config: RewardModelConfig,
    window: WindowConfig,
    device: str,
    processes: int | None,
) -> Steps:
    """Train from the last saved state to the end, on the motion that the denoiser was pretrained on."""
    materials = Materials(motions, windows, body, window, device, pretrained=denoiser)
    count = training_processes(processes, device)
    yield from on_processes(count, device, train_judge, materials, state, config)


def keep_reward_model(
    checkpoints: CheckpointFolder,
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    config: RewardModelConfig,
    window: WindowConfig,
) -> tuple[Checkpoint, ExaminationReport]:
    """Calibrate the last weights on validation motion, and examine them on test motion."""
    checkpoint = load_checkpoint(checkpoints.final(), "reward_model")
    model = restored(checkpoint, PerceptualModel)
    materials = Materials(motions, windows, body, window, "cpu", pretrained=denoiser)
    fps, seed = motions.header.fps, config.seed

    def examiner(split: Literal["validation", "test"]) -> tuple[Examiner, PerceptualInput | None]:
        batch = materials.held_out(split, config.examination_windows)
        generator = generator_for(seed, "examination samples", split)
        fakes = hard_negatives(materials.denoiser(), batch, config.sampling, generator)
        return Examiner(body, fps, batch, seed), fakes if config.hard_negative_windows else None

    model.calibration.copy_(fit_calibration(model, *examiner("validation")))
    calibrated = replace(checkpoint, tensors={k: v.clone() for k, v in model.state_dict().items()})
    return calibrated, examine(model, *examiner("test"))
