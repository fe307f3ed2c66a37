"""GRPO on a diffusion policy (MotionGRPO, arXiv:2605.05680): rollouts, advantages, updates.

Left out of textbook GRPO and why: no value network (the group is the baseline); no old-log-probability
pass (the rollout keeps x̂_0 and ε, which is all a ratio needs); no sum of rewards (each is standardised
first, so none drowns another).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from pydantic import Field

from motiongrpo.config import Config
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.optimisation import Optimiser, OptimiserConfig
from motiongrpo.policy.advantage import RewardScale, reward_scale
from motiongrpo.policy.collection import AdvantageConfig, Collected, Collector, judge
from motiongrpo.policy.diagnostics import reward_deviation
from motiongrpo.policy.evidence import DiagnosticsConfig, Evidence, evidence, some_levels, splitting
from motiongrpo.policy.movement import Movement, movement
from motiongrpo.policy.rollout import (
    RolloutConfig,
    roll_out,
    stratified_subset,
    trainable_steps,
)
from motiongrpo.policy.signal import signals_by_level, signals_by_term
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import GradientPass, gradient_pass
from motiongrpo.rewards.hybrid import HybridReward, RewardConfig
from motiongrpo.seeds import generator_for

AUDIT_LIMIT = 1e-6


class GrpoConfig(Config):
    """Length and pace of post-training."""

    updates: int = Field(ge=1)
    passes: int = Field(ge=1)  # gradient steps a rollout
    checkpoint_every: int = Field(ge=1)
    seed: int = Field(ge=0)
    rollout: RolloutConfig
    rewards: RewardConfig
    advantage: AdvantageConfig
    surrogate: SurrogateConfig
    optimiser: OptimiserConfig
    diagnostics: DiagnosticsConfig


@dataclass(frozen=True)
class GrpoUpdate:
    """What one update says of itself. Dictionaries are by reward term or by body part."""

    step: int  # counted from 1
    reward: dict[str, float]  # mean over samples, dropped groups included
    measured: dict[str, float]  # errors in radians, metres, m/s; the perceptual score
    reward_std: dict[str, float]  # within groups
    spread_mm: dict[str, float]
    dropped_share: float
    gradient_norm: float  # of the last pass, before clipping
    clipped_low: float
    clipped_high: float
    kl_per_dim: float  # to the pretrained model, nats, after the update: the mean over trained levels
    audit: float  # largest |log ratio| per dimension before the first pass
    level: dict[str, dict[str, float]]  # quantity → noise level: gradient norm and `Movement`
    evidence: Evidence | None  # every so many updates


@dataclass(frozen=True)
class Trainer:
    """Everything an update needs besides the policy."""

    reference: Denoiser
    reward: HybridReward
    windows: Callable[..., WindowBatch]  # (count, *address) → a batch that depends on nothing else
    config: GrpoConfig
    device: torch.device

    def generator(self, *address: str | int) -> torch.Generator:
        return generator_for(self.config.seed, "grpo", *address, device=self.device)


def calibrate(trainer: Trainer) -> RewardScale:
    """ω, floors and spreads from rollouts of the pretrained model on a fixed pool of windows."""
    config = trainer.config
    batch = trainer.windows(config.advantage.calibration_conditions, "calibration").to(trainer.device)
    rollouts = roll_out(trainer.reference, batch, config.rollout, [], trainer.generator("calibration"))
    values = judge(rollouts, trainer.reward).values
    omega = trainer.reward.omega_from(values)
    rewards = trainer.reward.rewards(values, omega)
    return reward_scale({term: config.rollout.compared(r) for term, r in rewards.items()}, omega)


def improve(policy: Optimiser[Denoiser], trainer: Trainer, scale: RewardScale) -> Iterator[GrpoUpdate]:
    """Post-train from where the optimiser stands to the last update, one record an update."""
    config = trainer.config
    while policy.steps < config.updates * config.passes:
        update = policy.steps // config.passes + 1
        collected = _collect(policy.model, trainer, scale, update)
        rollouts, advantage = collected.rollouts, collected.advantage
        found = _evidence(policy.model, trainer, scale, collected, update)
        passes = [
            gradient_pass(policy, trainer.reference, rollouts, advantage, config.surrogate)
            for _ in range(config.passes)
        ]
        if passes[0].audit > AUDIT_LIMIT:
            raise RuntimeError(
                f"update {update}: recomputed log-densities differ from the rollout's by "
                f"{passes[0].audit:.1e} a dimension, more than {AUDIT_LIMIT:.0e}; "
                "pass --params precision=fp32 or raise grpo.rollout.lowest_level"
            )
        few = rollouts.few(config.diagnostics.samples)
        moved = movement(policy.model, trainer.reference, few, config.surrogate)
        yield _record(update, collected, passes, moved, found)


def _collect(policy: Denoiser, trainer: Trainer, scale: RewardScale, update: int) -> Collected:
    config, generator = trainer.config, trainer.generator("rollout", update)
    trained = stratified_subset(trainable_steps(config.rollout), config.rollout.trained_steps, generator)

    def windows(count: int, attempt: int) -> WindowBatch:
        return trainer.windows(count, "update", update, attempt).to(trainer.device)

    collector = Collector(config.rollout, config.advantage, trainer.reward, scale, windows)
    return collector.collect(policy, trained, generator)


def _evidence(
    policy: Denoiser, trainer: Trainer, scale: RewardScale, collected: Collected, update: int
) -> Evidence | None:
    """Before the update, every so many of them; leaves weights and the rollouts' random numbers alone."""
    config, settings = trainer.config, trainer.config.diagnostics
    if settings.every is None or (update - 1) % settings.every:
        return None
    rollouts, surrogate = collected.rollouts, config.surrogate
    levels = signals_by_level(policy, rollouts, collected.advantage, surrogate)
    few = some_levels(rollouts, settings.levels)
    terms = signals_by_term(policy, few, collected.term_advantage, surrogate)
    batch = trainer.windows(settings.conditions, "evidence", update).to(trainer.device)
    chain = splitting(config.rollout, settings.tracks, settings.actions)
    extra = roll_out(policy, batch, chain, [], trainer.generator("evidence", update))
    rewards = trainer.reward.rewards(judge(extra, trainer.reward).values, scale.omega)
    return evidence(levels, terms, rewards, settings.tracks)


def _record(
    update: int,
    collected: Collected,
    passes: list[GradientPass],
    moved: dict[int, Movement],
    found: Evidence | None,
) -> GrpoUpdate:
    return GrpoUpdate(
        step=update,
        reward={term: float(r.mean()) for term, r in collected.rewards.items()},
        measured={term: float(m.mean()) for term, m in collected.values.items()},
        reward_std=reward_deviation(collected.rewards),
        spread_mm=collected.spread_mm,
        dropped_share=collected.dropped_share,
        gradient_norm=passes[-1].gradient_norm,
        clipped_low=passes[-1].clipped_low,
        clipped_high=passes[-1].clipped_high,
        kl_per_dim=sum(level.kl_per_dim for level in moved.values()) / len(moved),
        audit=passes[0].audit,
        level=_by_level(passes[-1], moved),
        evidence=found,
    )


def _by_level(last: GradientPass, moved: dict[int, Movement]) -> dict[str, dict[str, float]]:
    quantities = Movement.__dataclass_fields__
    movements = {name: {str(t): getattr(level, name) for t, level in moved.items()} for name in quantities}
    return {"gradient_norm": last.level_norm, **movements}
