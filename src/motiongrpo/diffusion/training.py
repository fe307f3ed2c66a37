"""Pretraining of the denoiser: EgoAllo's loss on random windows, an endless generator of steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from motiongrpo.config import Config
from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.diffusion.loss import LossTerms, add_noise, denoising_loss, level_weight
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.diffusion.schedule import LEVELS
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.optimisation import Optimiser, OptimiserConfig
from motiongrpo.seeds import generator_for


class PretrainingConfig(Config):
    """Length and pace of pretraining; the architecture; the optimiser."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    short_share: float = Field(ge=0, le=1)  # of windows of random length
    start_windows: int = Field(ge=2)  # that set the scale of the first and last layers
    checkpoint_every: int = Field(ge=1)
    validate_every: int = Field(ge=1)
    validation_windows: int = Field(ge=1)
    seed: int = Field(ge=0)
    denoiser: DenoiserConfig
    optimiser: OptimiserConfig


@dataclass(frozen=True)
class PretrainingStep:
    """What one step of pretraining says of itself; losses are in the units of the loss."""

    step: int  # counted from 1
    loss: float
    gradient_norm: float  # before clipping
    validation_loss: float | None  # of the averaged weights, where it was measured


def pretrain(
    optimiser: Optimiser[Denoiser],
    batch_at: Callable[[int], WindowBatch],
    validation: WindowBatch,
    config: PretrainingConfig,
) -> Iterator[PretrainingStep]:
    """Train from where the optimiser stands to `config.steps`, one record a step."""
    while optimiser.steps < config.steps:
        step = optimiser.steps + 1
        generator = generator_for(config.seed, "pretraining", step)
        loss = noised_loss(optimiser.model, batch_at(step), generator).total()
        norm = optimiser.step(loss)
        measured = None
        if step % config.validate_every == 0 or step == config.steps:
            measured = validation_loss(optimiser.averaged, validation, config.seed)
        yield PretrainingStep(step, float(loss.detach()), norm, measured)


def noised_loss(denoiser: Denoiser, batch: WindowBatch, generator: torch.Generator) -> LossTerms:
    """The loss at random levels, spread evenly over 1 … 1000 so that its variance is lower."""
    x_0 = true_motion(batch).pack()
    t = stratified_levels(len(batch), generator).to(x_0.device)
    noise = torch.randn(x_0.shape, generator=generator).to(x_0)
    x_t = add_noise(x_0, noise, t)
    x_0_hat = denoiser(x_t[:, None], t, head_condition(batch.T_world_cpf), batch.mask)[:, 0]
    return denoising_loss(x_0_hat, x_0, level_weight(t), batch.mask)


def stratified_levels(count: int, generator: torch.Generator) -> Tensor:
    """`count` levels of 1 … LEVELS, one from each of `count` equal strata, in random order."""
    u = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return (u * LEVELS).long().clamp(max=LEVELS - 1) + 1


@torch.no_grad()
def validation_loss(denoiser: Denoiser, batch: WindowBatch, seed: int) -> float:
    """The loss on fixed windows with fixed levels and noise, so that two calls compare."""
    return float(noised_loss(denoiser, batch, generator_for(seed, "validation")).total())
