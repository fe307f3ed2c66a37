"""Signal in a policy gradient: how far gradients from disjoint parts of a rollout agree on its direction.

Groups are independent given the policy, so two gradients from different groups share their mean and nothing
else. Their cosine is about |g|² / (|g|² + n²), with n² the variance of one of them summed over parameters: 1
without noise, near 0 where noise is all there is. It grows with the groups: compare it at equal numbers only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motiongrpo.base.shapes import PerRowSample, Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.rollout import Rollouts, TrainedStep, estimate
from motiongrpo.policy.surrogate import SurrogateConfig, clipped_surrogate, step_ratio

Gradient = list[Tensor | None]
"""One tensor a parameter, None where a parameter had no part."""

Slope = Callable[[Rollout, Rollouts], Rollout]
"""The derivative of a worth with respect to clean estimates, both (group, sample, …), of some groups."""


@dataclass(frozen=True)
class Signal:
    """The length of a gradient, and the cosine between those of two halves of the groups."""

    norm: float
    cosine: float | None  # None where there is one half only, or one of them vanishes


def dot(a: Gradient, b: Gradient) -> float:
    """The inner product over all parameters."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return float(torch.stack([torch.dot(x.flatten(), y.flatten()) for x, y in pairs]).sum()) if pairs else 0.0


def norm(a: Gradient) -> Float[Tensor, ""]:
    """The Euclidean length over all parameters."""
    return nn.utils.get_total_norm([x for x in a if x is not None])


def added(a: Gradient, b: Gradient) -> Gradient:
    """The sum of two gradients, parameter by parameter; None where neither has a part."""
    pairs = zip(a, b, strict=True)
    return [y if x is None else x if y is None else x + y for x, y in pairs]


def signal(halves: list[Gradient]) -> Signal:
    """The signal of the sum of the gradients of two halves, or of the gradient of one half alone."""
    if len(halves) == 1:
        return Signal(float(norm(halves[0])), None)
    first, second = halves
    size = float(norm(first)) * float(norm(second))
    return Signal(float(norm(added(first, second))), dot(first, second) / size if size > 0 else None)


def gradients_by_objective(
    policy: Denoiser,
    rollouts: Rollouts,
    step: TrainedStep,
    advantages: dict[str, PerRowSample],
    config: SurrogateConfig,
) -> dict[str, Gradient]:
    """The gradient of one level's surrogate under each set of advantages, from one forward pass.

    The gradients that the parameters hold stay as they are.
    """
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    x_0 = estimate(policy, rollouts, step)
    ratio = step_ratio(x_0, step.x_0, step.noise, rollouts.mask, step.gain, config)
    objectives = {name: clipped_surrogate(ratio, a).mean() for name, a in advantages.items()}
    return {
        name: list(torch.autograd.grad(objective, trained, retain_graph=True, allow_unused=True))
        for name, objective in objectives.items()
    }


def gradients_by_level(
    policy: Denoiser,
    rollouts: Rollouts,
    parts: list[tuple[slice, Rollouts]],
    advantages: dict[str, PerRowSample],
    config: SurrogateConfig,
) -> dict[int, dict[str, Gradient]]:
    """By level and objective, the share of some parts of the rollouts in the gradient of all levels."""
    levels: dict[int, dict[str, Gradient]] = {}
    for rows, part in parts:
        share = len(part.x) / (len(rollouts.x) * len(rollouts.steps))
        shares = {name: advantage[rows] * share for name, advantage in advantages.items()}
        for step in part.steps:
            gradients = gradients_by_objective(policy, part, step, shares, config)
            before = levels.get(step.t)
            levels[step.t] = gradients if before is None else _sum(before, gradients)
    return levels


def gradients_of_estimates(
    policy: Denoiser, rollouts: Rollouts, parts: list[tuple[slice, Rollouts]], slopes: dict[str, Slope]
) -> dict[int, dict[str, Gradient]]:
    """By level and credit, the share of some parts in the gradient of what all clean estimates are worth."""
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    levels: dict[int, dict[str, Gradient]] = {}
    for _, part in parts:
        for step in part.steps:
            x_0 = part.grouped(estimate(policy, part, step))
            share = 1 / (len(rollouts.x) * rollouts.x.shape[1] * len(rollouts.steps))
            worth = {name: share * (x_0 * slope(x_0.detach(), part)).sum() for name, slope in slopes.items()}
            gradients: dict[str, Gradient] = {
                name: list(torch.autograd.grad(value, trained, retain_graph=True, allow_unused=True))
                for name, value in worth.items()
            }
            before = levels.get(step.t)
            levels[step.t] = gradients if before is None else _sum(before, gradients)
    return levels


def over_levels(levels: dict[int, dict[str, Gradient]]) -> dict[str, Gradient]:
    """The sum over levels of the gradient of each objective."""
    return reduce(_sum, levels.values())


def signals_by_term(
    policy: Denoiser, rollouts: Rollouts, advantages: dict[str, PerRowSample], config: SurrogateConfig
) -> dict[str, Signal]:
    """The signal of the gradient that each reward term would give alone, over the steps of the rollouts."""
    halves = [
        over_levels(gradients_by_level(policy, rollouts, half, advantages, config))
        for half in rollouts.halves()
    ]
    return {term: signal([half[term] for half in halves]) for term in advantages}


def signals_by_level(
    policy: Denoiser, rollouts: Rollouts, advantage: PerRowSample, config: SurrogateConfig
) -> dict[str, Signal]:
    """The signal of the gradient of each trained level, and under `all` that of their sum."""
    return _by_level(
        [gradients_by_level(policy, rollouts, half, {"all": advantage}, config) for half in rollouts.halves()]
    )


def signals_of_estimates(policy: Denoiser, rollouts: Rollouts, slope: Slope) -> dict[str, Signal]:
    """The same of a gradient that raises what clean estimates are worth."""
    return _by_level(
        [gradients_of_estimates(policy, rollouts, half, {"all": slope}) for half in rollouts.halves()]
    )


def _by_level(halves: list[dict[int, dict[str, Gradient]]]) -> dict[str, Signal]:
    by_level = {str(t): signal([half[t]["all"] for half in halves]) for t in halves[0]}
    return by_level | {"all": signal([over_levels(half)["all"] for half in halves])}


def _sum(a: dict[str, Gradient], b: dict[str, Gradient]) -> dict[str, Gradient]:
    return {name: added(a[name], b[name]) for name in a}
