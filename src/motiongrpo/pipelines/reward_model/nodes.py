"""The perceptual reward model: trained on truth against fakes, calibrated and examined on held-out motion."""

import logging
from dataclasses import replace
from typing import Any, Literal

import pandas as pd
import torch

from motiongrpo.base.checkpoint import Checkpoint, CheckpointFolder, load_checkpoint
from motiongrpo.base.network import restored
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.words import counted
from motiongrpo.body.body_model import BodyModel
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig
from motiongrpo.rewards.examination import Examiner, examine, fit_calibration
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput, RewardModelConfig, hard_negatives, train_perceptual
from motiongrpo.training.loop import Steps, checkpointed, resume
from motiongrpo.training.materials import Materials

logger = logging.getLogger(__name__)


def train_reward_model(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    state: Checkpoint | None,
    config: RewardModelConfig,
    window: WindowConfig,
    device: str,
) -> Steps:
    """Train from where the run stands to the end, on the motion that the denoiser was pretrained on."""
    materials = Materials(motions, windows, body, window, device, pretrained=denoiser)
    torch.manual_seed(config.seed)
    optimiser = Optimiser(PerceptualModel(config.model).to(device), config.optimiser)
    training = materials.training("reward_model", config, architecture=config.model, kind="reward_model")
    progress = resume(optimiser, state, training)
    supply = materials.supply(config.seed)
    records = train_perceptual(
        optimiser,
        lambda step: supply.batch(config.batch_size, "reward_model", step),
        _hard_negatives(materials, supply, config),
        body,
        motions.header.fps,
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)


def keep_reward_model(
    checkpoints: CheckpointFolder,
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    config: RewardModelConfig,
    window: WindowConfig,
) -> tuple[Checkpoint, dict[str, Any]]:
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


def _hard_negatives(
    materials: Materials, supply: TrainingWindows, config: RewardModelConfig
) -> PerceptualInput | None:
    """Samples of the pretrained denoiser on training windows, the same ones after every resume."""
    count = config.hard_negative_windows
    if count == 0:
        return None
    logger.info(
        "reward model: first the denoiser draws %s to be told from true ones", counted(count, "motion")
    )
    batch = supply.batch(count, "hard negatives")
    generator = generator_for(config.seed, "hard negatives", device=materials.device)
    return hard_negatives(materials.denoiser(), batch, config.sampling, generator)
