"""GRPO: the pretrained denoiser, rewarded."""

from collections.abc import Iterator

import pandas as pd
import torch

from motiongrpo.body.body_model import BodyModel
from motiongrpo.checkpoint import Checkpoint, CheckpointFolder, TrainingCheckpoint, load_checkpoint
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.errors import InputError
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig, read_rows, split_rows
from motiongrpo.optimisation import Optimiser, WithCompanion
from motiongrpo.pipelines.training import Rows, Training, checkpointed, restored, resume, table_digest
from motiongrpo.policy.grpo import GrpoConfig, Trainer, calibrate, improve
from motiongrpo.precision import Precision, with_precision
from motiongrpo.rewards.examination import Examiner
from motiongrpo.rewards.hybrid import HybridReward
from motiongrpo.rewards.online import OnlineReward
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from motiongrpo.rewards.training import RewardModelConfig

DIVERSITY = (
    *("step", "spread_mm", "reward_std", "dropped_share", "empty", "gradient", "clipped"),
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
    architecture = DenoiserConfig(**denoiser.header.architecture)
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
    perceptual = PerceptualModel(PerceptualConfig(**reward_model.header.architecture))
    judge = restored(reward_model, perceptual).to(device)
    hands, fps = architecture.include_hands, motions.header.fps
    supply = TrainingWindows(motions, split_rows(windows, "train"), window, hands, 0.0, config.seed)
    online = None
    if config.rewards.online:
        held_out = split_rows(windows, "validation", _recipe(reward_model).examination_windows)
        batch = read_rows(motions, held_out, window, hands).to(device)
        online = _online(reward_model, judge, Examiner(body, fps, batch, config.seed), supply, config)
    learner = policy if online is None else WithCompanion(policy, online.training, "perceptual")
    progress = resume(learner, state, training)
    frozen = judge.requires_grad_(False) if online is None else online.training.averaged
    reward = HybridReward(body, fps, config.rewards, frozen)
    trainer = Trainer(reference, reward, supply.batch, config, torch.device(device), online)
    empty = int(progress.metrics.get("empty_updates", 0))
    records = improve(policy, trainer, calibrate(trainer), empty)
    for rows, checkpoint in checkpointed(records, learner, training, progress):
        yield rows, [_only(DIVERSITY, row) for row in rows], checkpoint


def _recipe(reward_model: Checkpoint) -> RewardModelConfig:
    return RewardModelConfig.model_validate(reward_model.header.parameters)


def _online(
    reward_model: Checkpoint,
    judge: PerceptualModel,
    examiner: Examiner,
    supply: TrainingWindows,
    config: GrpoConfig,
) -> OnlineReward:
    """The perceptual model with an optimiser of its own, trained as it was at first."""
    refresh, device = config.rewards.refresh, examiner.batch.betas.device
    return OnlineReward(
        training=Optimiser(judge, refresh.optimiser),
        recipe=_recipe(reward_model),
        config=refresh,
        examiner=examiner,
        windows=lambda count, *address: supply.batch(count, *address).to(device),
        seed=config.seed,
    )


def keep_policy(checkpoints: CheckpointFolder) -> Checkpoint:
    """The averaged weights of the last update."""
    return load_checkpoint(checkpoints.final(), "denoiser")


def _refuse_other_body(denoiser: Checkpoint, reward_model: Checkpoint, body: BodyModel) -> None:
    for name, checkpoint in (("pretrained_denoiser", denoiser), ("reward_model", reward_model)):
        if checkpoint.header.body_digest != body.digest:
            raise InputError(
                f"{name} was trained on another body file than '{body.name}'; use that file, or train again"
            )


def _only(prefixes: tuple[str, ...], row: dict) -> dict:
    return {name: value for name, value in row.items() if name.startswith(prefixes)}
