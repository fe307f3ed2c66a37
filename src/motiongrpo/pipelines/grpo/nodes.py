"""GRPO: the pretrained denoiser, rewarded."""

import logging
from collections.abc import Iterator

import pandas as pd
import torch

from motiongrpo.base.checkpoint import (
    Checkpoint,
    CheckpointFolder,
    TrainingCheckpoint,
    architecture_of,
    load_checkpoint,
)
from motiongrpo.base.errors import InputError
from motiongrpo.base.optimisation import Optimiser, WithCompanion
from motiongrpo.base.precision import Precision, with_precision
from motiongrpo.base.training import Rows, Training, checkpointed, restored, resume, table_digest
from motiongrpo.base.words import counted
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig, read_rows, split_rows
from motiongrpo.policy.grpo import GrpoConfig, Trainer, improve
from motiongrpo.rewards.examination import Examiner
from motiongrpo.rewards.hybrid import HybridReward
from motiongrpo.rewards.online import OnlineReward
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from motiongrpo.rewards.training import RewardModelConfig

logger = logging.getLogger(__name__)

DIVERSITY = (
    *("step", "spread_mm", "reward_std", "dropped_share", "empty", "gradient"),
    *("kl_per_dim", "level", "evidence"),
)


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
) -> Iterator[tuple[Rows, Rows, TrainingCheckpoint]]:
    """Improve the policy from where the run stands to the last update."""
    architecture = architecture_of(denoiser.header, DenoiserConfig)
    training = Training(
        stage="grpo",
        kind="denoiser",
        config=config,
        architecture=architecture,
        inputs={
            "motions": motions.digest,
            "windows": table_digest(windows),
            "pretrained_denoiser": denoiser.header.weights,
            "reward_model": reward_model.header.weights,
        },
        body_digest=body.digest,
        seed=config.seed,
        length="updates",
        checkpoint_every=config.checkpoint_every,
    )
    _refuse_other_body(denoiser, reward_model, body)
    model, reference = (restored(denoiser, Denoiser(architecture)).to(device) for _ in range(2))
    policy = Optimiser(with_precision(model, precision), config.optimiser)
    reference = with_precision(reference.requires_grad_(False), precision)
    supply = TrainingWindows(
        motions, split_rows(windows, "train"), window, architecture.include_hands, 0.0, config.seed
    )
    perceptual = PerceptualModel(architecture_of(reward_model.header, PerceptualConfig))
    judge, online, learner = restored(reward_model, perceptual).to(device), None, policy
    if config.rewards.online:
        online = _online(reward_model, judge, body, supply, windows, config)
        judge, learner = online.training.averaged, WithCompanion(policy, online.training, "perceptual")
    progress = resume(learner, state, training)
    reward = HybridReward(body, motions.header.fps, config.rewards, judge.requires_grad_(False))
    trainer = Trainer(reference, reward, supply.batch, config, torch.device(device), online)
    drawn = config.advantage.calibration_conditions * config.rollout.group_size
    logger.info(
        "grpo: first the pretrained model draws %s that set the scale of rewards", counted(drawn, "motion")
    )
    empty = int(progress.metrics.get("empty_updates", 0))
    records = improve(policy, trainer, trainer.reward_scale(), empty)
    for rows, checkpoint in checkpointed(records, learner, training, progress):
        yield rows, [_only(DIVERSITY, row) for row in rows], checkpoint


def keep_policy(checkpoints: CheckpointFolder) -> Checkpoint:
    """The averaged weights of the last update."""
    return load_checkpoint(checkpoints.final(), "denoiser")


def _online(
    reward_model: Checkpoint,
    judge: PerceptualModel,
    body: BodyModel,
    supply: TrainingWindows,
    windows: pd.DataFrame,
    config: GrpoConfig,
) -> OnlineReward:
    """The perceptual model with an optimiser of its own, its recipe that of its first training."""
    recipe = RewardModelConfig.model_validate(reward_model.header.parameters)
    device = next(judge.parameters()).device
    held_out = split_rows(windows, "validation", recipe.examination_windows)
    batch = read_rows(supply.store, held_out, supply.config, supply.hands).to(device)
    return OnlineReward(
        training=Optimiser(judge, config.rewards.refresh.optimiser),
        recipe=recipe,
        config=config.rewards.refresh,
        examiner=Examiner(body, supply.store.header.fps, batch, config.seed),
        windows=lambda count, *address: supply.batch(count, *address).to(device),
        seed=config.seed,
    )


def _refuse_other_body(denoiser: Checkpoint, reward_model: Checkpoint, body: BodyModel) -> None:
    for name, checkpoint in (("pretrained_denoiser", denoiser), ("reward_model", reward_model)):
        if checkpoint.header.body_digest != body.digest:
            raise InputError(
                f"{name} was trained on another body file than '{body.name}'; use that file, or train again"
            )


def _only(prefixes: tuple[str, ...], row: dict) -> dict:
    return {name: value for name, value in row.items() if name.startswith(prefixes)}
