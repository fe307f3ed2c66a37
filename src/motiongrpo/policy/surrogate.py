"""The clipped surrogate over diffusion steps, in quantities whose size does not depend on the level.

With Δ = x̂_0_new − x̂_0_old, the rollout's noise ε and D valid dimensions, one step has

    log ratio = D [ (a/σ) mean(Δ ε) − ½ (a/σ)² mean(Δ²) ]

`importance` clips the ratio of its mean over dimensions (what is in print); `corrected` removes the
drift and the level's sensitivity: ℓ = mean(Δ ε), which has mean zero and the same spread at every level.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.shapes import FrameMask, PerSample, Rollout

RatioKind = Literal["corrected", "importance"]


class SurrogateConfig(Config):
    """The clip range of an update and the penalties that hold the policy near the pretrained model."""

    ratio: RatioKind
    clip_shift: float = Field(gt=0)  # `corrected`: x̂_0 may move by this much, root mean square
    clip_kl_nats: float = Field(gt=0)  # `importance`: KL target of one step
    kl_weight: float = Field(ge=0)  # β
    kl_limit_per_dim: float = Field(gt=0)  # nats to the pretrained model, mean of levels: the run stops
    anchor_share: float = Field(ge=0, lt=1)  # of the policy gradient's norm, for the pretraining loss


@dataclass(frozen=True)
class StepRatio:
    """The ratio of new to old policy at one step, per sample, and its clip range."""

    log_ratio: PerSample  # the quantity that is exponentiated and clipped
    clip: PerSample  # its bound: exp(ℓ) is kept within 1 ± clip
    log_ratio_per_dim: PerSample  # the true log ratio, divided by the valid dimensions


def valid_dimensions(mask: FrameMask, features: int) -> Float[Tensor, "row 1"]:
    """D: real frames times features."""
    return (mask.sum(-1) * features)[:, None].float()


def step_ratio(
    x_0_new: Rollout, x_0_old: Rollout, noise: Rollout, mask: FrameMask, gain: float, config: SurrogateConfig
) -> StepRatio:
    """The ratio of new to old policy at a step whose sensitivity a/σ is `gain`."""
    dimensions = valid_dimensions(mask, noise.shape[-1])
    shift = x_0_new - x_0_old
    corrected = _valid_sum(shift * noise, mask) / dimensions
    drift = _valid_sum(shift.square(), mask) / dimensions
    per_dim = gain * corrected - 0.5 * gain**2 * drift
    if config.ratio == "corrected":
        return StepRatio(corrected, config.clip_shift / dimensions.sqrt().expand_as(corrected), per_dim)
    clip = math.sqrt(2 * config.clip_kl_nats) / dimensions
    return StepRatio(per_dim, clip.expand_as(per_dim), per_dim)


def clipped_surrogate(ratio: StepRatio, advantage: PerSample) -> PerSample:
    """min(ρ Â, clip(ρ, 1 ± ε) Â), to be maximised."""
    rho = ratio.log_ratio.exp()
    bounded = torch.minimum(torch.maximum(rho, 1 - ratio.clip), 1 + ratio.clip)
    return torch.minimum(rho * advantage, bounded * advantage)


def clipped_share(ratio: StepRatio) -> tuple[float, float]:
    """Share of samples beyond the clip range, below and above."""
    rho = ratio.log_ratio.detach().exp()
    low, high = rho < 1 - ratio.clip, rho > 1 + ratio.clip
    return float(low.double().mean()), float(high.double().mean())


def kl_to_reference_per_dim(x_0: Rollout, x_0_reference: Rollout, mask: FrameMask, gain: float) -> PerSample:
    """KL of one step between the policy and its reference, nats per valid dimension: ½ (a/σ)² mean(Δ²)."""
    shift = (x_0 - x_0_reference).square()
    return 0.5 * gain**2 * _valid_sum(shift, mask) / valid_dimensions(mask, x_0.shape[-1])


def _valid_sum(values: Rollout, mask: FrameMask) -> PerSample:
    return torch.einsum("csfd,cf->cs", values, mask.to(values))
