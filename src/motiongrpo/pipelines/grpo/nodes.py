"""GRPO: the pretrained denoiser becomes the post-trained policy."""

from collections.abc import Iterator

import pandas as pd

from motiongrpo.base.checkpoint import Checkpoint, CheckpointFolder, TrainingCheckpoint, load_checkpoint
from motiongrpo.base.compilation import Compiler
from motiongrpo.base.precision import Precision
from motiongrpo.base.processes import on_processes, training_processes
from motiongrpo.body.body_model import BodyModel
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.policy.grpo import GrpoConfig
from motiongrpo.training.loop import Rows
from motiongrpo.training.materials import Materials
from motiongrpo.training.post_training import train_policy

DIVERSITY = (
    *("step", "spread_mm", "reward_std", "dropped_share", "empty", "gradient"),
    *("kl_per_dim", "level", "evidence"),
)
"""Prefixes of those columns of the training log that are also in the diversity log."""


def post_train(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    reward_model: Checkpoint,
    state: Checkpoint | None,
    config: GrpoConfig,
    window: WindowConfig,
    device: str,
    precision: Precision,
    compiler: Compiler | None,
    processes: int | None,
) -> Iterator[tuple[Rows, Rows, TrainingCheckpoint]]:
    """Train the policy from the last saved state to the last update."""
    materials = Materials(motions, windows, body, window, device, precision, compiler, denoiser, reward_model)
    count = training_processes(processes, device)
    steps = on_processes(count, device, train_policy, materials, state, config)
    for rows, checkpoint in steps:
        yield rows, [_columns(DIVERSITY, row) for row in rows], checkpoint


def keep_policy(checkpoints: CheckpointFolder) -> Checkpoint:
    """The averaged weights of the last update."""
    return load_checkpoint(checkpoints.final(), "denoiser")


def _columns(prefixes: tuple[str, ...], row: dict) -> dict:
    return {name: value for name, value in row.items() if name.startswith(prefixes)}
