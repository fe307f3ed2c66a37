"""Collecting the groups of one update: roll out, judge, drop uninformative groups, measure their spread."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.finite import demand_finite
from motiongrpo.base.shapes import PerRowSample, PerSample
from motiongrpo.body.skeleton import PARTS
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.advantage import (
    RewardScale,
    group_advantages,
    informative_rows,
    reward_scale,
    shuffled_within_groups,
)
from motiongrpo.policy.rollout import RolloutConfig, Rollouts, roll_out
from motiongrpo.rewards.hybrid import FAULTS, HybridReward, Measured

Levels = list[tuple[int, int]]


class AdvantageConfig(Config):
    """How rewards become advantages, and which groups are dropped."""

    clamp: float = Field(gt=0)
    drop_below: float = Field(ge=0, lt=1)  # of a reward's spread: a group that deviates less is dropped
    refills: int = Field(ge=0)  # attempts to replace dropped groups
    empty_updates: int = Field(ge=1)  # in a row without an informative group: the run stops
    calibration_conditions: int = Field(ge=2)  # of the fixed pool that sets ω and the floors
    shuffled: bool  # a control: rewards are shuffled within each group


@dataclass(frozen=True)
class Collected:
    """The groups an update learns from, perhaps none, and measurements of all groups sampled for it."""

    rollouts: Rollouts  # kept groups
    advantage: PerRowSample  # of the kept groups
    term_advantage: dict[str, PerRowSample]  # the advantage under each reward alone
    rewards: dict[str, PerSample]  # of all groups
    values: dict[str, PerSample]  # errors and scores of all groups
    dropped_share: float
    spread_mm: dict[str, float]


@dataclass(frozen=True)
class Collector:
    """The settings under which groups are rolled out and rewarded; holds no state."""

    rollout: RolloutConfig
    advantage: AdvantageConfig
    reward: HybridReward
    scale: RewardScale
    windows: Callable[[int, int], WindowBatch]  # (count, attempt) → conditions of one update

    def collect(self, policy: Denoiser, trained: Levels, generator: torch.Generator) -> Collected:
        """Roll out groups until as many are informative as were asked for, or the refills are used up."""
        kept: list[Rollouts] = []
        kept_rewards: list[dict[str, PerSample]] = []
        seen: list[Measured] = []
        masks = []
        for attempt in range(1 + self.advantage.refills):
            missing = self.rollout.conditions - sum(len(rollouts.batch) for rollouts in kept)
            if missing == 0:
                break
            rollouts = roll_out(policy, self.windows(missing, attempt), self.rollout, trained, generator)
            measured = judge(rollouts, self.reward)
            rewards = self.reward.rewards(measured.values, self.scale.omega)
            informative = informative_groups(rewards, self.scale, self.rollout, self.advantage)
            kept.append(rollouts.groups(informative))
            kept_rewards.append({term: r[informative] for term, r in rewards.items()})
            seen.append(measured)
            masks.append(rollouts.batch.mask)
        rewards = _concatenated(kept_rewards)
        if self.advantage.shuffled:
            rewards = shuffled_within_groups(rewards, generator)
        return self._assemble(Rollouts.concatenate(kept), rewards, seen, torch.cat(masks))

    def _assemble(
        self, rollouts: Rollouts, rewards: dict[str, PerSample], seen: list[Measured], mask: Tensor
    ) -> Collected:
        values = _concatenated([measured.values for measured in seen])
        row_advantages = partial(
            advantages_by_row, scale=self.scale, rollout=self.rollout, config=self.advantage
        )
        return Collected(
            rollouts=rollouts,
            advantage=row_advantages(rewards),
            term_advantage={term: row_advantages({term: r}) for term, r in rewards.items()},
            rewards=self.reward.rewards(values, self.scale.omega),
            values=values,
            dropped_share=1 - len(rollouts.batch) / len(mask),
            spread_mm=spread_mm(torch.cat([measured.p_head_joint for measured in seen]), mask),
        )


def informative_groups(
    rewards: dict[str, PerSample], scale: RewardScale, rollout: RolloutConfig, config: AdvantageConfig
) -> Bool[Tensor, " condition"]:
    """Groups in which the rewards of some compared samples differ enough to give a gradient."""
    compared = {term: rollout.compared(reward) for term, reward in rewards.items()}
    groups = len(next(iter(rewards.values())))
    return informative_rows(compared, scale.spread, config.drop_below).view(groups, -1).any(dim=1)


def advantages_by_row(
    rewards: dict[str, PerSample], scale: RewardScale, rollout: RolloutConfig, config: AdvantageConfig
) -> PerRowSample:
    """Group advantages laid out as the rollout's rows; nested noise compares only samples of one track."""
    compared = {term: rollout.compared(reward) for term, reward in rewards.items()}
    advantage = group_advantages(compared, scale.floor, config.clamp)
    return advantage.view(-1, rollout.group_size // rollout.tracks)


def reward_scale_of(pool: Rollouts, reward: HybridReward, rollout: RolloutConfig) -> RewardScale:
    """ω, floors and spreads from the calibration pool.

    Of these, the floor and the spread of the perceptual reward belong to one version of φ: they are worked
    out anew after each refresh. The joint terms do not see φ, and ω of the perceptual one is a parameter.
    """
    values = judge(pool, reward).values
    omega = reward.omega_from(values)
    rewards = reward.rewards(values, omega)
    return reward_scale({term: rollout.compared(r) for term, r in rewards.items()}, omega)


def judge(rollouts: Rollouts, reward: HybridReward) -> Measured:
    """Measure every sample, shaped (group, sample); raise Diverged where a motion or a value is not finite.

    A group with a NaN among its rewards would otherwise count as uninformative and be dropped.
    """
    rollouts.batch.demand_finite()
    demand_finite("a sampled motion", rollouts.x)
    placement = rollouts.placement(reward.config.placement)
    measured = reward.measure(rollouts.by_group(), rollouts.batch, placement)
    for term, values in measured.values.items():
        demand_finite(f"what the reward '{term}' is made of", values)
    return measured


def _concatenated(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {term: torch.cat([part[term] for part in parts]) for term in parts[0]}


def pairwise_distance(
    p: Float[Tensor, "group sample frame joint 3"],
) -> Float[Tensor, "group frame joint"]:
    """Mean distance between the samples of a group, over its pairs, in the unit of `p`."""
    samples = p.shape[1]
    shifted = [(p - p.roll(shift, 1)).norm(dim=-1).mean(1) for shift in range(1, samples)]
    return torch.stack(shifted).mean(0)


def spread_mm(
    p_head_joint: Float[Tensor, "group sample frame 22 3"], mask: Bool[Tensor, "group frame"]
) -> dict[str, float]:
    """Mean pairwise distance of joints within groups, mm, by body part and over all 22 joints.

    Joints are seen from the head: only what the policy made differs, wherever a body was placed.
    """
    distance = pairwise_distance(p_head_joint) * 1000
    real = mask[..., None].to(distance)
    parts = PARTS | {"all": tuple(joint for part in PARTS.values() for joint in part)}
    return {
        name: float((distance[..., list(part)] * real).sum() / (real.sum() * len(part)))
        for name, part in parts.items()
    }


def credit_scale(values: dict[str, PerSample]) -> dict[str, float]:
    """s_k, by which credits are divided: the deviation of an error within its group, the mean of a fault.

    All samples of a group may have the same fault, such as wrong contact labels, so a fault's deviation may
    be 0; its mean says how much can still be gained. Raises InputError where a term has no scale.
    """
    deviation = reward_deviation(values)
    scale = {term: float(v.mean()) if term in FAULTS else deviation[term] for term, v in values.items()}
    for term in (term for term, s in scale.items() if s == 0):
        raise InputError(
            f"the reward term '{term}' is the same for all samples of the pretrained model, so its credit "
            "has no scale; leave it out of grpo.rewards.terms"
        )
    return scale


def reward_deviation(rewards: dict[str, PerSample]) -> dict[str, float]:
    """Mean over groups of each reward's standard deviation within the group."""
    return {term: float(reward.std(dim=1, correction=0).mean()) for term, reward in rewards.items()}
