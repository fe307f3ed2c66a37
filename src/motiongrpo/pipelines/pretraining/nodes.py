"""Pretraining: the denoiser learns motion under head paths."""

from collections.abc import Iterator

import pandas as pd
import torch

from motiongrpo.body.body_model import BodyModel
from motiongrpo.checkpoint import Checkpoint, CheckpointFolder, TrainingCheckpoint, load_checkpoint
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.initialisation import start_from_data
from motiongrpo.diffusion.training import PretrainingConfig, pretrain
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig, read_rows, split_rows
from motiongrpo.optimisation import Optimiser
from motiongrpo.pipelines.training import Rows, Training, checkpointed, resume, table_digest
from motiongrpo.precision import Precision, with_precision
from motiongrpo.seeds import generator_for


def train_denoiser(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    state: Checkpoint | None,
    config: PretrainingConfig,
    window: WindowConfig,
    device: str,
    precision: Precision,
) -> Iterator[tuple[Rows, TrainingCheckpoint]]:
    """Train from where the run stands to the end; every yield is on disk before the next step."""
    training = Training(
        stage="pretraining",
        kind="denoiser",
        config=config,
        architecture=config.denoiser,
        inputs={"motions": motions.digest, "windows": table_digest(windows)},
        body_digest=body.digest,
        seed=config.seed,
        length="steps",
        checkpoint_every=config.checkpoint_every,
    )
    spans, hands = split_rows(windows, "train"), config.denoiser.include_hands
    supply = TrainingWindows(motions, spans, window, hands, config.short_share, config.seed)
    torch.manual_seed(config.seed)
    denoiser = Denoiser(config.denoiser)
    first = supply.batch(config.start_windows, "start")
    start_from_data(denoiser, first, generator_for(config.seed, "start"))
    optimiser = Optimiser(with_precision(denoiser.to(device), precision), config.optimiser)
    progress = resume(optimiser, state, training)
    rows = split_rows(windows, "validation", config.validation_windows)
    records = pretrain(
        optimiser,
        lambda step: supply.batch(config.batch_size, "pretraining", step).to(device),
        read_rows(motions, rows, window, hands).to(device),
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)


def keep_denoiser(checkpoints: CheckpointFolder) -> Checkpoint:
    """The averaged weights of the last step, which every later stage starts from."""
    return load_checkpoint(checkpoints.final(), "denoiser")
