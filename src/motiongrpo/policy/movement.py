"""How far an update has moved the policy, level by level, from the sampling policy and from the reference.

The first pass on a rollout sees ratios of one, so nothing is clipped in it. What is measured here is the
policy after the update's last pass, on the states of a few samples.
"""

import math
from dataclasses import dataclass

import torch

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.rollout import Rollouts, TrainedStep, estimate
from motiongrpo.policy.surrogate import (
    SurrogateConfig,
    clipped_share,
    kl_to_reference_per_dim,
    step_ratio,
    valid_dimensions,
)


@dataclass(frozen=True)
class Movement:
    """How far the policy has moved at one noise level; means over samples."""

    rho_squared: float  # mean over dimensions of (Δμ/σ)², from the policy that sampled
    kl_per_dim: float  # to the reference, nats per valid dimension
    kl_nats: float  # to the reference, summed over valid dimensions
    clipped_low: float  # share of samples whose ratio is now below 1 − ε: no gradient would lower it further
    clipped_high: float  # and above 1 + ε


@torch.no_grad()
def movement(
    policy: Denoiser, reference: Denoiser, rollouts: Rollouts, config: SurrogateConfig
) -> dict[int, Movement]:
    """The movement at every trained level of the rollouts that has a density, by level."""
    steps = [step for step in rollouts.steps if math.isfinite(step.gain)]
    return {step.t: _of_step(policy, reference, rollouts, step, config) for step in steps}


def _of_step(
    policy: Denoiser, reference: Denoiser, rollouts: Rollouts, step: TrainedStep, config: SurrogateConfig
) -> Movement:
    mask = rollouts.mask
    x_0, x_0_reference = (estimate(model, rollouts, step) for model in (policy, reference))
    ratio = step_ratio(x_0, step.x_0, step.noise, mask, step.gain, config)
    moved = kl_to_reference_per_dim(x_0, step.x_0, mask, step.gain)  # ½ ρ²
    divergence = kl_to_reference_per_dim(x_0, x_0_reference, mask, step.gain)
    nats = divergence * valid_dimensions(mask, x_0.shape[-1])
    low, high = clipped_share(ratio)
    return Movement(
        rho_squared=2 * float(moved.mean()),
        kl_per_dim=float(divergence.mean()),
        kl_nats=float(nats.mean()),
        clipped_low=low,
        clipped_high=high,
    )
