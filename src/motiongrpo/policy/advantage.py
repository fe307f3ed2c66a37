"""Group relative advantages (Shao et al. 2024, arXiv:2402.03300), each reward standardised on its own.

    Â_i = Σ_k (r_ik − mean_G r_k) / √(var_G r_k + f_k²), clamped

The floor f_k keeps a group whose rewards differ only by rounding from being blown up to ±1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.shapes import PerSample


@dataclass(frozen=True)
class RewardScale:
    """The scale of each reward, from the rollouts of the pretrained model on a fixed pool of windows."""

    omega: dict[str, float]  # steepness
    floor: dict[str, float]  # f_k: the 25th percentile of the group standard deviation
    spread: dict[str, float]  # standard deviation over the whole pool


def reward_scale(rewards: dict[str, PerSample], omega: dict[str, float]) -> RewardScale:
    """Floors and spreads from the rewards of a calibration pool; a row holds samples that are compared."""
    return RewardScale(
        omega=omega,
        floor={term: float(r.std(dim=1, correction=0).quantile(0.25)) for term, r in rewards.items()},
        spread={term: float(r.std(correction=0)) for term, r in rewards.items()},
    )


def group_advantages(rewards: dict[str, PerSample], floor: dict[str, float], clamp: float) -> PerSample:
    """Â: the sum over terms of the rewards standardised within each group (a row), clamped to ±`clamp`."""
    total = sum(standardised(reward, floor[term]) for term, reward in rewards.items())
    return torch.as_tensor(total).clamp(-clamp, clamp)


def standardised(reward: PerSample, floor: float) -> PerSample:
    """(r − mean) / √(var + floor²) over each row; zero where all rewards of a row are equal."""
    centred = reward - reward.mean(dim=1, keepdim=True)
    scale = (centred.square().mean(dim=1, keepdim=True) + floor**2).sqrt()
    return torch.where(scale > 0, centred / scale.clamp(min=torch.finfo(scale.dtype).tiny), 0)


def shuffled_within_groups(rewards: dict[str, PerSample], generator: torch.Generator) -> dict[str, PerSample]:
    """The rewards of each group in random order of its samples, all terms of a sample together.

    Every group keeps the distribution of its rewards, but they are independent of the samples: whatever
    training on them changes is drift.
    """
    shape = next(iter(rewards.values())).shape
    order = torch.rand(shape, generator=generator, device=generator.device).argsort(dim=1)
    return {term: reward.gather(1, order.to(reward.device)) for term, reward in rewards.items()}


def informative_rows(
    rewards: dict[str, PerSample], spread: dict[str, float], share: float
) -> Bool[Tensor, " condition"]:
    """Rows in which some reward's standard deviation reaches `share` of that reward's spread in the pool."""
    reached = [r.std(dim=1, correction=0) >= share * spread[term] for term, r in rewards.items()]
    return torch.stack(reached).any(dim=0)


def variance_split(
    rewards: Float[Tensor, "group track sample"],
) -> tuple[Float[Tensor, " group"], Float[Tensor, " group"]]:
    """Var(r) = Var over tracks of the mean + mean over tracks of the variance: condition and action.

    Unbiased: the first is corrected for the noise that the actions leave in a track's mean.
    """
    within = rewards.var(dim=2).mean(dim=1)
    between = rewards.mean(dim=2).var(dim=1) - within / rewards.shape[2]
    return between, within
