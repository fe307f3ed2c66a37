"""The perceptual reward model: trained on truth against fakes, calibrated and examined on held-out motion."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from motiongrpo.base.checkpoint import Checkpoint, CheckpointFolder, TrainingCheckpoint, load_checkpoint
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.training import Rows, Training, checkpointed, restored, resume, table_digest
from motiongrpo.base.words import counted
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.recovery import restored_denoiser
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig, read_rows, split_rows
from motiongrpo.rewards.examination import Examiner, examine, fit_calibration
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput, RewardModelConfig, hard_negatives, train_perceptual

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
) -> Iterator[tuple[Rows, TrainingCheckpoint]]:
    """Train from where the run stands to the end, on the motion that the denoiser was pretrained on."""
    training = Training(
        stage="reward_model",
        kind="reward_model",
        config=config,
        architecture=config.model,
        inputs={
            "motions": motions.digest,
            "windows": table_digest(windows),
            "pretrained_denoiser": denoiser.header.weights,
        },
        body_digest=body.digest,
        seed=config.seed,
        length="steps",
        checkpoint_every=config.checkpoint_every,
    )
    torch.manual_seed(config.seed)
    optimiser = Optimiser(PerceptualModel(config.model).to(device), config.optimiser)
    progress = resume(optimiser, state, training)
    spans, hands = split_rows(windows, "train"), _hands(denoiser)
    supply = TrainingWindows(motions, spans, window, hands, 0.0, config.seed)
    records = train_perceptual(
        optimiser,
        lambda step: supply.batch(config.batch_size, "reward_model", step).to(device),
        _hard_negatives(denoiser, supply, config, device),
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
    model = restored(checkpoint, PerceptualModel(config.model))
    fps, count, seed = motions.header.fps, config.examination_windows, config.seed

    def examiner(split: str) -> tuple[Examiner, PerceptualInput | None]:
        batch = read_rows(motions, split_rows(windows, split, count), window, _hands(denoiser))
        generator = generator_for(seed, "examination samples", split)
        fakes = hard_negatives(restored_denoiser(denoiser), batch, config.sampling, generator)
        return Examiner(body, fps, batch, seed), fakes if config.hard_negative_windows else None

    model.calibration.copy_(fit_calibration(model, *examiner("validation")))
    calibrated = replace(checkpoint, tensors={k: v.clone() for k, v in model.state_dict().items()})
    return calibrated, examine(model, *examiner("test"))


def _hard_negatives(
    denoiser: Checkpoint, supply: TrainingWindows, config: RewardModelConfig, device: str
) -> PerceptualInput | None:
    """Samples of the pretrained denoiser on training windows, the same ones after every resume."""
    if config.hard_negative_windows == 0:
        return None
    count = config.hard_negative_windows
    logger.info(
        "reward model: first the denoiser draws %s to be told from true ones", counted(count, "motion")
    )
    batch = supply.batch(count, "hard negatives").to(device)
    generator = generator_for(config.seed, "hard negatives", device=device)
    return hard_negatives(restored_denoiser(denoiser).to(device), batch, config.sampling, generator)


def _hands(checkpoint: Checkpoint) -> bool:
    return bool(checkpoint.header.architecture["include_hands"])
