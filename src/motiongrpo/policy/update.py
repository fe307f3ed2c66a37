"""One gradient step of the policy on collected rollouts: every trained level, then the anchor, then AdamW."""

from dataclasses import dataclass

import torch

from motiongrpo.base.finite import demand_finite
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSample
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import PretrainingLoss, noised_to_all_levels, pretraining_loss
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.rollout import Rollouts, TrainedStep, estimate
from motiongrpo.policy.signal import Gradient, Slope, added, norm
from motiongrpo.policy.surrogate import (
    SurrogateConfig,
    clipped_surrogate,
    kl_to_reference_per_dim,
    step_ratio,
    valid_dimensions,
)


@dataclass(frozen=True)
class Audit:
    """The largest |log ratio| to the policy that sampled; zero in theory before the first pass."""

    per_dim: float  # nats per valid dimension
    nats: float  # summed over the valid dimensions of a sample


@dataclass(frozen=True)
class GradientPass:
    """The diagnostics of one gradient step, of the policy as it was before the step."""

    gradient_norm: float  # before clipping, with the anchor
    level_norm: dict[str, float]  # by noise level, without the anchor
    audit: Audit | None  # over all levels; None where densities have no part


def gradient_pass(
    policy: Optimiser[Denoiser],
    reference: Denoiser,
    rollouts: Rollouts,
    advantage: PerSample,
    config: SurrogateConfig,
    seed: int,
    prior_loss: PretrainingLoss | None = None,
) -> GradientPass:
    """Raise the surrogate once; `advantage` is laid out by row, `seed` and `prior_loss` are for the anchor.

    The gradient is summed over parts of whole groups, as many as the rollout's network saw together, each
    counting by its share of the rows: memory depends on the parts, the update does not. Levels are summed
    separately first, to record the norm of each.
    """
    whole: Gradient = [None] * len(policy.trained)
    level_norm, audits, parts = {}, [], list(rollouts.parts())
    for index, step in enumerate(rollouts.steps):
        policy.adam.zero_grad(set_to_none=True)
        for rows, part in parts:
            share = len(part.x) / len(rollouts.x)
            audits.append(
                accumulate_gradient(
                    policy.model, reference, part, part.steps[index], advantage[rows], config, share
                )
            )
        of_level: Gradient = [parameter.grad for parameter in policy.trained.values()]
        level_norm[str(step.t)] = float(norm(of_level))
        whole = added(whole, of_level)
    for parameter, gradient in zip(policy.trained.values(), whole, strict=True):
        parameter.grad = gradient
    if config.anchor_share > 0:
        add_anchor(policy, rollouts.batch, config.anchor_share, seed, prior_loss)
    audit = Audit(max(audit.per_dim for audit in audits), max(audit.nats for audit in audits))
    return GradientPass(policy.apply_gradients(), level_norm, audit)


def estimate_pass(
    policy: Optimiser[Denoiser],
    rollouts: Rollouts,
    slope: Slope,
    turn: int,
    config: SurrogateConfig,
    seed: int,
    prior_loss: PretrainingLoss | None = None,
) -> GradientPass:
    """Raise the reward of clean estimates along its slope; a group is at one level, another every turn."""
    policy.adam.zero_grad(set_to_none=True)
    for rows, part in rollouts.parts():
        row = torch.arange(rows.start, rows.stop, device=part.x.device)
        level = (row // rollouts.tracks + turn) % len(part.steps)
        x_t = torch.stack([step.x_t for step in part.steps])[level, torch.arange(len(row))]
        t = torch.tensor([step.t for step in part.steps], device=row.device)[level]
        mask = part.mask
        x_0 = part.grouped(policy.model(x_t, t, part.condition, None if bool(mask.all()) else mask))
        share = len(part.x) / len(rollouts.x)
        worth = (x_0 * slope(x_0.detach(), part)).sum() / x_0.shape[:2].numel()
        demand_finite("the worth of the estimates", worth)
        (-worth * share).backward()
    if config.anchor_share > 0:
        add_anchor(policy, rollouts.batch, config.anchor_share, seed, prior_loss)
    return GradientPass(policy.apply_gradients(), {}, None)


def accumulate_gradient(
    policy: Denoiser,
    reference: Denoiser,
    rollouts: Rollouts,
    step: TrainedStep,
    advantage: PerSample,
    config: SurrogateConfig,
    share: float = 1.0,
) -> Audit:
    """Add the gradient of −(surrogate − β KL) of one level, times `share` over the number of levels."""
    mask = rollouts.mask
    x_0 = estimate(policy, rollouts, step)
    ratio = step_ratio(x_0, step.x_0, step.noise, mask, step.gain, config)
    log_ratio = ratio.log_ratio_per_dim.detach().abs()
    demand_finite("the log ratio", log_ratio)
    objective = clipped_surrogate(ratio, advantage).mean()
    if config.kl_weight > 0:
        with torch.no_grad():
            x_0_reference = estimate(reference, rollouts, step)
        divergence = kl_to_reference_per_dim(x_0, x_0_reference, mask, step.gain).mean()
        objective = objective - config.kl_weight * divergence
    (-objective * (share / len(rollouts.steps))).backward()
    nats = log_ratio * valid_dimensions(mask, step.noise.shape[-1])
    return Audit(float(log_ratio.max()), float(nats.max()))


def add_anchor(
    policy: Optimiser[Denoiser],
    batch: WindowBatch,
    share: float,
    seed: int,
    prior_loss: PretrainingLoss | None,
) -> None:
    """Add the pretraining loss's gradient on real data, at a share of the policy gradient's norm.

    `prior_loss` is the whole loss of the prior, with disturbed paths. EgoAllo's loss alone, which is taken
    where it is None, would undo what the other terms taught.
    """
    parameters = list(policy.trained.values())
    address = ("anchor", policy.steps)
    if prior_loss is None:
        windows = noised_to_all_levels(batch, generator_for(seed, *address))
        loss = pretraining_loss(policy.model, windows, None)
    else:
        loss = prior_loss(policy.model, batch, seed, *address)
    anchor = torch.autograd.grad(loss, parameters)
    scale = share * norm([p.grad for p in parameters]) / norm(list(anchor))
    for parameter, g in zip(parameters, anchor, strict=True):
        parameter.grad = scale * g if parameter.grad is None else parameter.grad + scale * g
