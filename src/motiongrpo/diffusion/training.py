"""Pretraining of the denoiser: EgoAllo's loss, one in joint space, and layers at the scale of the data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from motiongrpo.base.ahead import made_ahead
from motiongrpo.base.batched import Batched
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.seeds import generator_for, seed_for
from motiongrpo.base.shapes import Motion
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.diffusion.disturbance import DisturbanceConfig, disturbed
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.loss import LossTerms, add_noise, denoising_loss, level_weight
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.diffusion.schedule import LEVELS
from motiongrpo.motion.windows import WindowBatch

LEAST_DEVIATION = 1e-3  # features that hardly vary are not blown up
FIRST_GUESS = 0.1  # share of the last layers' random weights that is kept


class PretrainingConfig(TrainingConfig):
    """Where the denoiser comes from; length and pace of its training, its architecture, the optimiser."""

    init: Literal["random", "egoallo"]  # `egoallo` takes the denoiser from a file and trains nothing
    egoallo: str | None  # folder of an EgoAllo checkpoint
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    short_share: float = Field(ge=0, le=1)  # of windows of random length
    start_windows: int = Field(ge=2)  # that set the scale of the first and last layers
    validate_every: int = Field(ge=1)
    validation_windows: int = Field(ge=1)
    joint_loss: JointLossConfig  # beside EgoAllo's
    disturbance: DisturbanceConfig  # of the head paths that the denoiser is shown
    denoiser: DenoiserConfig
    optimiser: OptimiserConfig

    @model_validator(mode="after")
    def refuse_contradictions(self) -> "PretrainingConfig":
        if self.init == "egoallo" and self.egoallo is None:
            raise ValueError(
                "init: egoallo needs the folder of a checkpoint in pretraining.egoallo, got none"
            )
        if self.init == "random" and self.egoallo is not None:
            raise ValueError(
                f"egoallo is read with init: egoallo only, got '{self.egoallo}' and init: random"
            )
        if self.init == "random" and self.denoiser.condition.include_hand_positions_cond:
            raise ValueError("include_hand_positions_cond must be false, since training knows no wrists")
        return self


@torch.no_grad()
def start_from_data(denoiser: Denoiser, batch: WindowBatch, generator: torch.Generator) -> None:
    """Set the condition's first layer and the last layers from a batch of real motion, in place."""
    condition = denoiser.condition(batch.T_world_cpf)[batch.mask]
    layer = denoiser.latent_from_cond
    weight = torch.randn(layer.weight.shape, generator=generator).to(layer.weight)
    weight = weight / condition.shape[1] ** 0.5 / condition.std(dim=0).clamp(min=LEAST_DEVIATION)
    layer.weight.copy_(weight)
    layer.bias.copy_(-weight @ condition.mean(dim=0))
    sizes = denoiser.feature_sizes
    means = true_motion(batch).pack()[batch.mask].mean(dim=0).split(list(sizes.values()))
    for name, mean in zip(sizes, means, strict=True):
        last = list(denoiser.decoders[name].children())[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.mul_(FIRST_GUESS)
        last.bias.copy_(mean)


@dataclass(frozen=True)
class PretrainingStep:
    """The log record of one step of pretraining; the loss has its part in joint space."""

    step: int  # counted from 1
    loss: float
    gradient_norm: float  # before clipping
    validation_loss: float | None  # of the averaged weights, where it was measured; so is the next
    validation_mpjpe_mm: float | None


@dataclass(frozen=True)
class Validation:
    """How well held-out motion is denoised; fixed windows, levels and noise, so that two of them compare."""

    loss: float  # EgoAllo's alone, whatever is trained
    mpjpe_mm: float  # of the first estimate of a chain, from noise alone: where joints are is decided there


def pretrain(
    optimiser: Optimiser[Denoiser],
    batch_at: Callable[[int], WindowBatch],
    validation: WindowBatch,
    joint_loss: JointLoss,
    config: PretrainingConfig,
    threads: int = 0,
) -> Iterator[PretrainingStep]:
    """Train from where the optimiser stands to `config.steps`, one record a step.

    The draws of a step depend on its number alone; `threads` threads make them ahead of the steps.
    """
    objective = PretrainingLoss(joint_loss, config.disturbance)

    def drawn(step: int) -> NoisedWindows:
        batch = batch_at(step)
        batch.demand_finite()
        return objective.drawn(batch, config.seed, "pretraining", step)

    for windows in made_ahead(drawn, range(optimiser.steps + 1, config.steps + 1), threads):
        step = optimiser.steps + 1
        torch.manual_seed(seed_for(config.seed, "dropout", step))  # which takes no generator
        loss = pretraining_loss(optimiser.model, windows, joint_loss)
        norm = optimiser.step(loss)
        measured = None
        if step % config.validate_every == 0 or step == config.steps:
            measured = validate(optimiser.averaged, validation, joint_loss, config.seed)
        found = (None, None) if measured is None else (measured.loss, measured.mpjpe_mm)
        yield PretrainingStep(step, float(loss.detach()), norm, *found)


@dataclass(frozen=True)
class NoisedWindows(Batched):
    """True motion, and its noised states at levels t, from which a denoiser is to recover it."""

    batch: WindowBatch
    x_0: Motion
    x_t: Motion
    t: Int[Tensor, " batch"]
    told: Float[Tensor, "batch frame_and_one 7"]  # the head path that the denoiser is shown


def noised(
    batch: WindowBatch,
    t: Int[Tensor, " batch"],
    generator: torch.Generator,
    told: Float[Tensor, "batch frame_and_one 7"] | None = None,
) -> NoisedWindows:
    """The truth noised to levels t, with the path `told`, or the true one."""
    x_0 = true_motion(batch).pack()
    t = t.to(x_0.device)
    x_t = add_noise(x_0, torch.randn(x_0.shape, generator=generator).to(x_0), t)
    return NoisedWindows(batch, x_0, x_t, t, batch.T_world_cpf if told is None else told)


def noised_to_all_levels(
    batch: WindowBatch,
    generator: torch.Generator,
    told: Float[Tensor, "batch frame_and_one 7"] | None = None,
) -> NoisedWindows:
    """The truth at levels spread evenly over 1 … 1000, so that the variance of the loss is lower."""
    return noised(batch, stratified_levels(len(batch), generator), generator, told)


@dataclass(frozen=True)
class Denoised:
    """Clean estimates of noised truth, and what they are compared with."""

    x_0_hat: Motion
    windows: NoisedWindows

    def loss(self) -> LossTerms:
        """EgoAllo's."""
        windows = self.windows
        return denoising_loss(self.x_0_hat, windows.x_0, level_weight(windows.t), windows.batch.mask)


def denoised(denoiser: Denoiser, windows: NoisedWindows) -> Denoised:
    """What the network makes of noised truth."""
    condition = denoiser.condition(windows.told)
    return Denoised(denoiser(windows.x_t[:, None], windows.t, condition, windows.batch.mask)[:, 0], windows)


def pretraining_loss(
    denoiser: Denoiser, windows: NoisedWindows, joint_loss: JointLoss | None
) -> Float[Tensor, ""]:
    """EgoAllo's loss, and the one in joint space where there is one, of the same estimates."""
    estimate = denoised(denoiser, windows)
    total = estimate.loss().total()
    return total if joint_loss is None else total + joint_loss(estimate.x_0_hat, windows.batch)


@dataclass(frozen=True)
class PretrainingLoss:
    """The whole loss of a prior: in both spaces, under head paths with the faults of headsets.

    Motion and the head that a body hangs from stay true, whatever path the network is shown.
    """

    joint: JointLoss
    disturbance: DisturbanceConfig | None

    def __call__(
        self, denoiser: Denoiser, batch: WindowBatch, seed: int, *address: str | int
    ) -> Float[Tensor, ""]:
        """The loss under the randomness of an address."""
        return pretraining_loss(denoiser, self.drawn(batch, seed, *address), self.joint)

    def drawn(self, batch: WindowBatch, seed: int, *address: str | int) -> NoisedWindows:
        """The randomness of an address on a batch; disturbances have a stream of their own beside it."""
        told = None
        if self.disturbance is not None:
            generator = generator_for(seed, *address, "disturbance")
            told = disturbed(batch.T_world_cpf, batch.mask, self.joint.fps, self.disturbance, generator)
        return noised_to_all_levels(batch, generator_for(seed, *address), told)


def stratified_levels(count: int, generator: torch.Generator) -> Tensor:
    """`count` levels of 1 … LEVELS, one from each of `count` equal strata, in random order."""
    return strata(count, LEVELS, generator) + 1


def strata(count: int, below: int, generator: torch.Generator) -> Tensor:
    """`count` indices 0 … `below` − 1, one from each of `count` equal strata, in random order."""
    u = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return (u * below).long().clamp(max=below - 1)


@torch.no_grad()
def validate(denoiser: Denoiser, batch: WindowBatch, joint_loss: JointLoss, seed: int) -> Validation:
    """EgoAllo's loss at random levels, and the error of joints at the noisiest, on fixed windows."""
    windows = noised_to_all_levels(batch, generator_for(seed, "validation"))
    loss = pretraining_loss(denoiser, windows, None)
    noisiest = torch.full((len(batch),), LEVELS)
    first = denoised(denoiser, noised(batch, noisiest, generator_for(seed, "validation", "first")))
    return Validation(float(loss), joint_loss.mpjpe_mm(first.x_0_hat, batch))
