"""GRPO from stored artefacts: the pretrained denoiser becomes the policy, and its groups are rewarded."""

import logging

import torch

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.optimisation import Optimiser, WithCompanion
from motiongrpo.base.words import counted
from motiongrpo.motion.windows import TrainingWindows
from motiongrpo.policy.grpo import GrpoConfig, Trainer, improve
from motiongrpo.rewards.examination import Examiner
from motiongrpo.rewards.online import OnlineReward
from motiongrpo.rewards.training import RewardModelConfig
from motiongrpo.training.loop import Steps, checkpointed, resume
from motiongrpo.training.materials import Materials

logger = logging.getLogger(__name__)


def train_policy(materials: Materials, state: Checkpoint | None, config: GrpoConfig) -> Steps:
    """Train the policy from the last saved state to the last update (MotionGRPO, arXiv:2605.05680)."""
    policy, supply = materials.optimiser(config.optimiser), materials.supply(config.seed)
    reference = materials.at_speed(materials.denoiser().requires_grad_(False))
    judge, online, learner = None, None, policy
    if config.rewards.online:
        online = online_reward(materials, supply, config)
        judge, learner = online.training.averaged, WithCompanion(policy, online.training, "perceptual")
    training = materials.training("grpo", config, "updates", sampling=config.rollout.sampling)
    progress = resume(learner, state, training)
    reward = materials.reward(config.rewards, judge)
    device = torch.device(materials.device)
    trainer = Trainer(reference, reward, supply.batch, config, device, materials.anchor_loss(), online)
    drawn = config.advantage.calibration_conditions * config.rollout.group_size
    logger.info(
        "grpo: first the pretrained model draws %s that set the scale of rewards", counted(drawn, "motion")
    )
    empty = int(progress.metrics.get("empty_updates", 0))
    records = improve(policy, trainer, trainer.reward_scale(), empty)
    yield from checkpointed(records, learner, training, progress)


def online_reward(materials: Materials, supply: TrainingWindows, config: GrpoConfig) -> OnlineReward:
    """The perceptual model with its own optimiser, and the settings of its first training."""
    assert materials.reward_model is not None  # the judge was restored from it
    recipe = RewardModelConfig.model_validate(materials.reward_model.header.parameters)
    held_out = materials.held_out("validation", recipe.examination_windows)
    return OnlineReward(
        training=Optimiser(materials.judge(), config.rewards.refresh.optimiser),
        recipe=recipe,
        config=config.rewards.refresh,
        examiner=Examiner(materials.body, materials.motions.header.fps, held_out, config.seed),
        windows=supply.batch,
        seed=config.seed,
    )
