"""Walking the reverse chain from noise to motion, one network evaluation a step."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.shapes import Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.schedule import cosine_alpha_bar, squared_levels
from motiongrpo.diffusion.transition import EGOALLO_OFFSET, ReverseStep, ddim_step, egoallo_step

EGOALLO_STEPS = 6  # the fewest in which its step is defined

PredictCleanMotion = Callable[[Rollout, Int[Tensor, " condition"]], Rollout]
"""x̂_0 of (x_t, t): what a denoiser with its condition bound says."""


Noise = torch.Generator | Callable[[Rollout], Rollout]
"""Where standard normal numbers come from: a generator, or a function that draws as many as a tensor has."""

Sampler = Literal["ddim", "egoallo", "egoallo_without_offset"]


class SamplingConfig(Config):
    """How motions are drawn from the model."""

    steps: int = Field(ge=2, le=30)  # squared levels; 30 are EgoAllo's
    eta: float = Field(gt=0, le=1)  # 1 is the exact posterior; `ddim` alone uses it
    sampler: Sampler
    deterministic_below: int = Field(ge=0, le=1000)  # steps from lower levels take no noise; `ddim` alone can

    @model_validator(mode="after")
    def leave_out_only_ddims_noise(self) -> "SamplingConfig":
        if self.deterministic_below and self.sampler != "ddim":
            raise ValueError(
                f"deterministic_below needs sampler: ddim, since no other has a step without noise, "
                f"got {self.deterministic_below} and {self.sampler}"
            )
        return self

    @model_validator(mode="after")
    def leave_room_for_egoallos_noise(self) -> "SamplingConfig":
        if self.sampler != "ddim" and self.steps < EGOALLO_STEPS:
            raise ValueError(
                f"steps must be at least {EGOALLO_STEPS} with sampler: {self.sampler}, whose σ would not fit "
                f"into the noise of the next level, got {self.steps}"
            )
        return self


@dataclass(frozen=True)
class ChainStep:
    """One step of a chain, as it was taken."""

    t: int
    s: int
    x_t: Rollout
    x_0: Rollout  # the network's estimate at level t
    x_s: Rollout
    noise: Rollout  # standard normal; unused by the last step


def predictor(
    denoiser: Denoiser,
    condition: Float[Tensor, "condition frame encoded"],
    mask: Bool[Tensor, "condition frame"] | None,
) -> PredictCleanMotion:
    """A denoiser with its condition bound. A mask without padding costs nothing: it is dropped."""
    mask = None if mask is None or bool(mask.all()) else mask
    return lambda x_t, t: denoiser(x_t, t, condition, mask)


def reverse_step(t: int, s: int, config: SamplingConfig) -> ReverseStep:
    """The coefficients between two levels of the schedule."""
    alpha_bar = cosine_alpha_bar()
    if config.sampler == "ddim":
        eta = 0.0 if t < config.deterministic_below else config.eta
        return ddim_step(alpha_bar[t], alpha_bar[s], eta)
    offset = EGOALLO_OFFSET if config.sampler == "egoallo" else 0.0
    return egoallo_step(alpha_bar[t], alpha_bar[t - 1], alpha_bar[s], offset)


def reverse_chain(
    predict: PredictCleanMotion, x_T: Rollout, config: SamplingConfig, noise: Noise
) -> Iterator[ChainStep]:
    """Every step from level 1000 to 0; the last is deterministic and ends at the network's estimate.

    Nothing but `predict` decides what x̂_0 is: `path_sampling` blends windows and projects rotations there.
    A policy does neither, since that would put a map without a density between it and its action.
    """
    levels, x_t = squared_levels(config.steps), x_T
    for t, s in itertools.pairwise(levels):
        x_0 = predict(x_t, torch.full((len(x_t),), t, device=x_t.device))
        drawn = standard_normal(x_t, noise)
        step = reverse_step(t, s, config).transition(x_t.flatten(0, 1), x_0.flatten(0, 1))
        x_s = step.sample(drawn.flatten(0, 1)).view_as(x_t) if s > 0 else x_0
        yield ChainStep(t, s, x_t, x_0, x_s, drawn)
        x_t = x_s


def standard_normal(like: Rollout, noise: Noise) -> Rollout:
    """As many numbers as `like` holds, drawn where the source is and moved to where `like` is."""
    if isinstance(noise, torch.Generator):
        return torch.randn(like.shape, generator=noise, device=noise.device).to(like)
    return noise(like)


def sample(predict: PredictCleanMotion, x_T: Rollout, config: SamplingConfig, noise: Noise) -> Rollout:
    """A motion drawn from the model, as packed features."""
    x = x_T
    for step in reverse_chain(predict, x_T, config, noise):
        x = step.x_s
    return x
