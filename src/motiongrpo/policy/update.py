"""One gradient step of the policy on collected rollouts: every trained level, then the anchor, then AdamW."""

from dataclasses import dataclass

import torch
from torch import Tensor

from motiongrpo.base.finite import demand_finite
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSample
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import noised_loss
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.rollout import Rollouts, TrainedStep, estimate
from motiongrpo.policy.signal import Gradient, added, norm
from motiongrpo.policy.surrogate import (
    SurrogateConfig,
    clipped_share,
    clipped_surrogate,
    kl_to_reference_per_dim,
    step_ratio,
    valid_dimensions,
)


@dataclass(frozen=True)
class StepDiagnostics:
    """Of one trained level."""

    clipped_low: float  # share of samples beyond the clip range
    clipped_high: float
    kl_per_dim: float | None  # to the reference, nats; None where it has no weight
    largest_log_ratio: float  # |log ratio| per dimension
    largest_log_ratio_nats: float  # the same summed over the dimensions of its sample


@dataclass(frozen=True)
class Clipped:
    """Share of samples beyond the clip range, by side."""

    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """The largest |log ratio|; zero in theory before the first pass of an update."""

    per_dim: float  # per dimension
    nats: float  # of whole samples


@dataclass(frozen=True)
class GradientPass:
    """Of one gradient step, as the policy was before it: means over levels, the largest log ratio."""

    gradient_norm: float  # before clipping, with the anchor
    level_norm: dict[str, float]  # by noise level, without the anchor
    clipped: Clipped
    audit: Audit


def gradient_pass(
    policy: Optimiser[Denoiser],
    reference: Denoiser,
    rollouts: Rollouts,
    advantage: PerSample,
    config: SurrogateConfig,
    seed: int,
) -> GradientPass:
    """Raise the surrogate once; `advantage` is laid out by row, `seed` is for the anchor's noise.

    The gradient is summed over parts of whole groups, as many as the rollout's network saw together, each
    counting by its share of the rows: memory depends on the parts, the update does not. Levels are summed
    apart first, to tell how much each of them says.
    """
    whole: Gradient = [None] * len(policy.trained)
    level_norm, measured, parts = {}, [], list(rollouts.parts())
    for index, step in enumerate(rollouts.steps):
        policy.adam.zero_grad(set_to_none=True)
        for rows, part in parts:
            share = len(part.x) / len(rollouts.x)
            found = accumulate_gradient(
                policy.model, reference, part, part.steps[index], advantage[rows], config, share
            )
            measured.append((share / len(rollouts.steps), found))
        of_level: Gradient = [parameter.grad for parameter in policy.trained.values()]
        level_norm[str(step.t)] = norm(of_level)
        whole = added(whole, of_level)
    for parameter, gradient in zip(policy.trained.values(), whole, strict=True):
        parameter.grad = gradient
    if config.anchor_share > 0:
        add_anchor(policy, rollouts.batch, config.anchor_share, seed)
    return _pass(policy.apply_gradients(), level_norm, measured)


def _pass(
    gradient_norm: float, level_norm: dict[str, float], measured: list[tuple[float, StepDiagnostics]]
) -> GradientPass:
    """Shares are means over levels and parts by their weights."""
    return GradientPass(
        gradient_norm=gradient_norm,
        level_norm=level_norm,
        clipped=Clipped(
            low=sum(weight * step.clipped_low for weight, step in measured),
            high=sum(weight * step.clipped_high for weight, step in measured),
        ),
        audit=Audit(
            per_dim=max(step.largest_log_ratio for _, step in measured),
            nats=max(step.largest_log_ratio_nats for _, step in measured),
        ),
    )


def accumulate_gradient(
    policy: Denoiser,
    reference: Denoiser,
    rollouts: Rollouts,
    step: TrainedStep,
    advantage: PerSample,
    config: SurrogateConfig,
    share: float = 1.0,
) -> StepDiagnostics:
    """Add the gradient of −(surrogate − β KL) of one level, times `share` over the number of levels."""
    mask = rollouts.mask
    x_0 = estimate(policy, rollouts, step)
    ratio = step_ratio(x_0, step.x_0, step.noise, mask, step.gain, config)
    log_ratio = ratio.log_ratio_per_dim.detach().abs()
    demand_finite("the log ratio", log_ratio)
    objective, divergence = clipped_surrogate(ratio, advantage).mean(), None
    if config.kl_weight > 0:  # without a weight `movement` watches it
        with torch.no_grad():
            x_0_reference = estimate(reference, rollouts, step)
        divergence = kl_to_reference_per_dim(x_0, x_0_reference, mask, step.gain).mean()
        objective = objective - config.kl_weight * divergence
    (-objective * (share / len(rollouts.steps))).backward()
    nats = log_ratio * valid_dimensions(mask, step.noise.shape[-1])
    return StepDiagnostics(
        *clipped_share(ratio), _number(divergence), float(log_ratio.max()), float(nats.max())
    )


def add_anchor(policy: Optimiser[Denoiser], batch: WindowBatch, share: float, seed: int) -> None:
    """Add the pretraining loss's gradient on real data, at a share of the policy gradient's norm."""
    parameters = list(policy.trained.values())
    generator = generator_for(seed, "anchor", policy.steps)
    loss = noised_loss(policy.model, batch, generator).total()
    anchor = torch.autograd.grad(loss, parameters)
    scale = share * _norm([p.grad for p in parameters]) / _norm(list(anchor))
    for parameter, g in zip(parameters, anchor, strict=True):
        parameter.grad = scale * g if parameter.grad is None else parameter.grad + scale * g


def _number(value: Tensor | None) -> float | None:
    return None if value is None else float(value.detach())


def _norm(tensors: list[Tensor | None]) -> Tensor:
    return torch.stack([t.norm() for t in tensors if t is not None]).norm()
