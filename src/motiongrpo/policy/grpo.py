"""GRPO on a diffusion policy (MotionGRPO, arXiv:2605.05680): rollouts, advantages, updates.

There is no value network, since the group is the baseline; no pass for old log-probabilities, since the
rollout keeps x̂_0 and ε, which is all a ratio needs; and no sum of rewards before each is standardised, so
that none drowns another.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from pydantic import Field, model_validator

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.words import counted
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import PretrainingLoss
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.advantage import RewardScale
from motiongrpo.policy.branch import CreditConfig, slope_of
from motiongrpo.policy.collection import (
    AdvantageConfig,
    Collected,
    Collector,
    credit_scale,
    judge,
    reward_scale_of,
)
from motiongrpo.policy.evidence import DiagnosticsConfig, Evidence, evidence, some_levels, splitting
from motiongrpo.policy.movement import Movement, movement
from motiongrpo.policy.record import GrpoUpdate, mean_kl, record_of
from motiongrpo.policy.rollout import (
    RolloutConfig,
    Rollouts,
    estimated_steps,
    roll_out,
    stratified_subset,
    trainable_steps,
)
from motiongrpo.policy.signal import Slope, signals_by_level, signals_by_term, signals_of_estimates
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import GradientPass, estimate_pass, gradient_pass
from motiongrpo.rewards.hybrid import HybridReward, RewardConfig
from motiongrpo.rewards.online import OnlineReward

AUDIT_LIMIT = 1e-6
"""Largest |log ratio| *per valid dimension* of an update's first pass, where theory says zero.

Per dimension, because rounding is: one float32 forward pass differs from the same one in another batch by
about 1e-8 a dimension, whatever the window. In nats, which add up over D dimensions, the limit is D·1e-6:
0.007 at 32 frames without hands (D = 7,232), 0.063 at 128 frames with them (D = 63,488); a density is then
off by less than 1 % and 7 %, a sixtieth and a seventh of what `clip_kl_nats: 0.1` lets a ratio move.
"""


class GrpoConfig(TrainingConfig):
    """Length and pace of post-training."""

    updates: int = Field(ge=1)
    passes: int = Field(ge=1)  # gradient steps a rollout
    rollout: RolloutConfig
    rewards: RewardConfig
    advantage: AdvantageConfig
    credit: CreditConfig
    surrogate: SurrogateConfig
    optimiser: OptimiserConfig
    diagnostics: DiagnosticsConfig

    @model_validator(mode="after")
    def refuse_what_the_credit_does_not_read(self) -> "GrpoConfig":
        kind = self.credit.kind
        if kind != "sample" and (self.surrogate.kl_weight > 0 or self.advantage.shuffled):
            raise ValueError(f"credit.kind: {kind} reads neither surrogate.kl_weight nor advantage.shuffled")
        if kind != "branch" and self.credit.null_control:
            raise ValueError(f"credit.null_control is a control of credit.kind: branch, got {kind}")
        return self


@dataclass(frozen=True)
class Trainer:
    """Everything an update needs besides the policy."""

    reference: Denoiser
    reward: HybridReward
    windows: Callable[..., WindowBatch]  # (count, *address) → a batch that depends on nothing else
    config: GrpoConfig
    device: torch.device
    prior_loss: PretrainingLoss | None = None  # for the anchor
    online: OnlineReward | None = None  # where the perceptual model follows the policy

    @cached_property
    def pool(self) -> Rollouts:
        """The calibration pool, the same for every version of φ."""
        return calibration_pool(self.reference, self.windows, self.config, self.device)

    def reward_scale(self) -> RewardScale:
        """The scale of the rewards under the present version of φ."""
        return reward_scale_of(self.pool, self.reward, self.config.rollout)

    @property
    def version(self) -> int:
        """The version of φ: the number of its refreshes."""
        return self.online.version if self.online else 0

    @property
    def deviation(self) -> dict[str, float]:
        """The pretrained model's scale of each term under the present version of φ (`credit_scale`).

        Credits are scaled by it. A resumed run has the same scale, since φ is resumed as well.
        """
        if self.version not in self._deviations:
            self._deviations[self.version] = credit_scale(judge(self.pool, self.reward).values)
        return self._deviations[self.version]

    @cached_property
    def _deviations(self) -> dict[int, dict[str, float]]:
        """By version of φ."""
        return {}

    def slope(self, *address: str | int) -> Slope:
        """The derivative of the reward of clean estimates, with the random numbers of that address."""
        credit = self.config.credit
        assert credit.kind != "sample"  # which credits actions
        return slope_of(credit.kind, self.reward, self.deviation, credit, self.generator(*address))

    def generator(self, *address: str | int) -> torch.Generator:
        return _generator(self.config, self.device, *address)


def calibration_pool(
    reference: Denoiser, windows: Callable[..., WindowBatch], config: GrpoConfig, device: torch.device
) -> Rollouts:
    """Rollouts of the pretrained model on a fixed pool of windows, from which the scale of rewards is set."""
    batch = windows(config.advantage.calibration_conditions, "calibration").to(device)
    return roll_out(reference, batch, config.rollout, [], _generator(config, device, "calibration"))


def improve(
    policy: Optimiser[Denoiser], trainer: Trainer, scale: RewardScale, empty_updates: int = 0
) -> Iterator[GrpoUpdate]:
    """Post-train from where the optimiser stands to the last update, one record an update.

    `empty_updates` counts the updates just before that had no group. Raises Diverged, before the record,
    where the run cannot go on: no informative group for too long, a failed audit, a KL beyond its limit.
    """
    config = trainer.config
    while policy.steps < config.updates * config.passes:
        update = policy.steps // config.passes + 1
        refreshed = _refreshed(policy.model, trainer, update)
        scale = trainer.reward_scale() if refreshed else scale
        collected = _collect(policy.model, trainer, scale, update)
        diagnostics, passes, moved = None, [], {}
        if collected.dropped_share == 1:
            empty_updates += 1
            _refuse_endless_drops(empty_updates, config.advantage)
            policy.skip(config.passes)
        else:
            empty_updates = 0
            diagnostics = _evidence(policy.model, trainer, scale, collected, update)
            take = _audited_pass if config.credit.kind == "sample" else _estimate_pass
            passes = [take(i, policy, trainer, collected) for i in range(config.passes)]
            moved = _checked_movement(policy.model, trainer, collected)
        record = record_of(update, collected, empty_updates, passes, moved)
        yield replace(record, evidence=diagnostics, perceptual_version=trainer.version, refresh=refreshed)


def _generator(config: GrpoConfig, device: torch.device, *address: str | int) -> torch.Generator:
    return generator_for(config.seed, "grpo", *address, device=device)


def _refreshed(policy: Denoiser, trainer: Trainer, update: int) -> dict[str, float]:
    """Loss and pair accuracy of a refresh of φ, where one is due before this update; else nothing."""
    if trainer.online is None or not trainer.online.is_due(update):
        return {}
    try:
        return trainer.online.refresh(policy, trainer.config.rollout.sampling)
    except Diverged as error:
        raise Diverged(f"while the perceptual model was refreshed, {error} (grpo.rewards.refresh)") from error


def _audited_pass(
    index: int, policy: Optimiser[Denoiser], trainer: Trainer, collected: Collected
) -> GradientPass:
    told = gradient_pass(
        policy,
        trainer.reference,
        collected.rollouts,
        collected.advantage,
        trainer.config.surrogate,
        trainer.config.seed,
        trainer.prior_loss,
    )
    if index == 0 and told.audit is not None and told.audit.per_dim > AUDIT_LIMIT:
        raise Diverged(
            f"recomputed log-densities differ from the rollout's by {told.audit.per_dim:.1e} a dimension "
            f"({told.audit.nats:.1e} nats), more than {AUDIT_LIMIT:.0e}; "
            "pass precision=fp32 and compiler=null, or raise grpo.rollout.lowest_level"
        )
    return told


def _estimate_pass(
    index: int, policy: Optimiser[Denoiser], trainer: Trainer, collected: Collected
) -> GradientPass:
    config, slope = trainer.config, trainer.slope("branch", policy.steps)
    given = (index, config.surrogate, config.seed, trainer.prior_loss)
    return estimate_pass(policy, collected.rollouts, slope, *given)


def _checked_movement(policy: Denoiser, trainer: Trainer, collected: Collected) -> dict[int, Movement]:
    """The movement of the policy after the update's last pass; Diverged where it is beyond the limit.

    The limit is on the KL of the present policy, a mean over all trained levels and a few samples. A
    gradient pass measures the policy before its step only, so a jump would be noticed too late.
    """
    surrogate, few = trainer.config.surrogate, collected.rollouts.few(trainer.config.diagnostics.samples)
    moved = movement(policy, trainer.reference, few, surrogate)
    if (distance := mean_kl(moved)) > surrogate.kl_limit_per_dim:
        raise Diverged(
            f"the policy is {distance:.2g} nats a dimension from the pretrained model, more than "
            f"grpo.surrogate.kl_limit_per_dim={surrogate.kl_limit_per_dim:g}; lower "
            "grpo.optimiser.learning_rate, raise grpo.surrogate.kl_weight, or raise the limit"
        )
    return moved


def _refuse_endless_drops(empty_updates: int, config: AdvantageConfig) -> None:
    if empty_updates >= config.empty_updates:
        raise Diverged(
            f"all groups of {counted(empty_updates, 'update')} in a row were dropped: their rewards agree to "
            f"within {config.drop_below:.0%} of the spread over the data; raise "
            "grpo.rollout.noise.amplitude_m or lower grpo.advantage.drop_below"
        )


def _collect(policy: Denoiser, trainer: Trainer, scale: RewardScale, update: int) -> Collected:
    config, generator = trainer.config, trainer.generator("rollout", update)
    steps = trainable_steps if config.credit.kind == "sample" else estimated_steps
    trained = stratified_subset(steps(config.rollout), config.rollout.trained_steps, generator)

    def windows(count: int, attempt: int) -> WindowBatch:
        return trainer.windows(count, "update", update, attempt).to(trainer.device)

    collector = Collector(config.rollout, config.advantage, trainer.reward, scale, windows)
    return collector.collect(policy, trained, generator)


def _evidence(
    policy: Denoiser, trainer: Trainer, scale: RewardScale, collected: Collected, update: int
) -> Evidence | None:
    """Signal and variance before the update, every `every` updates; changes no weight and no other draw."""
    config, settings = trainer.config, trainer.config.diagnostics
    if settings.every is None or (update - 1) % settings.every:
        return None
    rollouts, surrogate, terms = collected.rollouts, config.surrogate, {}
    if config.credit.kind == "sample":
        levels = signals_by_level(policy, rollouts, collected.advantage, surrogate)
        few = some_levels(rollouts, settings.levels)
        terms = signals_by_term(policy, few, collected.term_advantage, surrogate)
    else:
        levels = signals_of_estimates(policy, rollouts, trainer.slope("evidence", "branch", update))
    batch = trainer.windows(settings.conditions, "evidence", update).to(trainer.device)
    chain = splitting(config.rollout, settings.tracks, settings.actions)
    extra = roll_out(policy, batch, chain, [], trainer.generator("evidence", update))
    rewards = trainer.reward.rewards(judge(extra, trainer.reward).values, scale.omega)
    return evidence(levels, terms, rewards, settings.tracks)
