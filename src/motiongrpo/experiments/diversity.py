"""Diversity and gradient signal of a checkpoint's groups, cell by cell, without training.

A cell is measured on pools of groups, each as large as an update, which is not made. Windows, initial noise
and noise of the chain are the same in all cells as far as their shapes allow, so that cells differ only in
their factors. The gradients of two pools have only the signal in common (`policy.signal`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSample
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.experiments.cells import Cell, DiversityConfig
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.advantage import RewardScale
from motiongrpo.policy.branch import CreditConfig, slope_of
from motiongrpo.policy.collection import (
    AdvantageConfig,
    advantages_by_row,
    informative_groups,
    judge,
    reward_deviation,
    spread_mm,
)
from motiongrpo.policy.evidence import condition_and_action, evenly, splitting
from motiongrpo.policy.rollout import (
    RolloutConfig,
    Rollouts,
    perturbed_paths,
    roll_out_under,
    trainable_steps,
)
from motiongrpo.policy.signal import Gradient, Slope, gradients_by_level, gradients_of_estimates, over_levels
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.rewards.hybrid import HybridReward

CREDITS: tuple[Literal["branch", "derivative"], ...] = ("branch", "derivative")  # at the clean estimate

Variances = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Study:
    """The common inputs of all cells: the policy, the reward and its scale, the windows, the settings."""

    policy: Denoiser
    reward: HybridReward
    scale: RewardScale
    windows: Callable[..., WindowBatch]  # (count, *address)
    config: DiversityConfig
    advantage: AdvantageConfig
    surrogate: SurrogateConfig
    credit: CreditConfig
    deviation: dict[str, float]  # of each term within a group of the pretrained model, to scale credits

    def pool(self, cell: Cell, number: int) -> "Pool":
        """One pool of groups of a cell, measured."""
        chain = cell.rollout(self.config)
        batch = self.windows(self.config.conditions, "diversity", number)
        trained = evenly(trainable_steps(chain), self.config.trained_steps)
        rollouts = self._drawn(chain, batch, trained, number)
        measured = judge(rollouts, self.reward)
        rewards = self.reward.rewards(measured.values, self.scale.omega)
        informative = informative_groups(rewards, self.scale, chain, self.advantage)
        return Pool(
            spread_mm=spread_mm(measured.p_head_joint, batch.mask),
            reward_std=reward_deviation(rewards),
            dropped_share=float(1 - informative.double().mean()),
            variances=self._split(chain, batch, rewards, number),
            gradients=self._gradients(chain, rollouts, rewards, number),
        )

    def _drawn(
        self, chain: RolloutConfig, batch: WindowBatch, trained: list[tuple[int, int]], number: int
    ) -> Rollouts:
        """Rollouts with separate generators of condition noise and chain noise."""
        device = batch.betas.device
        noise, walk = (
            generator_for(self.config.seed, "diversity", what, number, device=device)
            for what in ("noise", "chain")
        )
        paths = perturbed_paths(batch, chain, noise)
        return roll_out_under(paths, self.policy, batch, chain, trained, walk)

    def _split(
        self, chain: RolloutConfig, batch: WindowBatch, rewards: dict[str, PerSample], number: int
    ) -> Variances:
        """Reward variance within groups that is due to the condition, and to actions, by term.

        A group under one condition has none of the former. With one sample per track they cannot be
        separated, so an extra rollout of this scope has several.
        """
        if chain.noise.kind == "none" or chain.tracks == 1:
            return {term: (0.0, float(r.var(dim=1).mean())) for term, r in rewards.items()}
        tracks = self.config.tracks
        if chain.noise.scope == "sample":
            several = splitting(chain, tracks, chain.group_size // tracks)
            extra = self._drawn(several, batch, [], number)
            rewards = self.reward.rewards(judge(extra, self.reward).values, self.scale.omega)
        split = {term: condition_and_action(r, tracks) for term, r in rewards.items()}
        return {term: (float(c.mean()), float(a.mean())) for term, (c, a) in split.items()}

    def _gradients(
        self, chain: RolloutConfig, rollouts: Rollouts, rewards: dict[str, PerSample], number: int
    ) -> dict[str, Float[Tensor, " parameter"]]:
        """The gradients of all rewards together, of each alone, and of all at each level.

        These are with one advantage per sample; others are of credit at the clean estimate, by its kind.
        """
        terms = {"all": rewards} | {term: {term: reward} for term, reward in rewards.items()}
        objectives = {
            name: advantages_by_row(some, self.scale, chain, self.advantage) for name, some in terms.items()
        }
        parts = list(rollouts.parts())
        levels = gradients_by_level(self.policy, rollouts, parts, objectives, self.surrogate)
        gradients = over_levels(levels) | {str(t): level["all"] for t, level in levels.items()}
        estimates = gradients_of_estimates(self.policy, rollouts, parts, self._slopes(number))
        gradients |= over_levels(estimates)
        parameters = [p for p in self.policy.parameters() if p.requires_grad]
        return {name: flat(gradient, parameters) for name, gradient in gradients.items()}

    def _slopes(self, number: int) -> dict[str, Slope]:
        """Both credits at the clean estimate, with the same random rotations in every cell."""
        generator = generator_for(self.config.seed, "diversity", "branch", number)
        given = (self.reward, self.deviation, self.credit, generator)
        return {kind: slope_of(kind, *given) for kind in CREDITS}


@dataclass(frozen=True)
class Pool:
    """The measurements of one pool; dictionaries are by body part, by reward term or by objective."""

    spread_mm: dict[str, float]
    reward_std: dict[str, float]
    dropped_share: float
    variances: Variances  # (condition, action)
    gradients: dict[str, Float[Tensor, " parameter"]]


def measure(study: Study, cell: Cell) -> dict[str, Any]:
    """Measure a cell; as JSON, the measurements of every pool, and the inner products of their gradients."""
    pools = [study.pool(cell, number) for number in range(study.config.pools)]
    return {
        "spread_mm": _columns([pool.spread_mm for pool in pools]),
        "reward_std": _columns([pool.reward_std for pool in pools]),
        "dropped_share": {"all": [pool.dropped_share for pool in pools]},
        "condition_variance": _columns([{k: c for k, (c, _) in pool.variances.items()} for pool in pools]),
        "action_variance": _columns([{k: a for k, (_, a) in pool.variances.items()} for pool in pools]),
        "gradient_products": gradient_products([pool.gradients for pool in pools]),
    }


def gradient_products(pools: list[dict[str, Float[Tensor, " parameter"]]]) -> dict[str, list[list[float]]]:
    """Inner products of the gradients of each pair of pools, by objective."""
    products = {}
    for name in pools[0]:
        stacked = torch.stack([gradients[name] for gradients in pools])
        products[name] = (stacked @ stacked.T).tolist()
    return products


def flat(gradient: Gradient, parameters: list[torch.nn.Parameter]) -> Float[Tensor, " parameter"]:
    """One vector on the CPU, zero where a parameter has no gradient."""
    pairs = zip(gradient, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs]).detach().cpu()


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
