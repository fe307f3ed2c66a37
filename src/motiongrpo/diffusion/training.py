"""Pretraining of the denoiser: EgoAllo's loss, one in joint space, and layers at the scale of the data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.seeds import generator_for, seed_for
from motiongrpo.base.shapes import FrameMask, Motion
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
) -> Iterator[PretrainingStep]:
    """Train from where the optimiser stands to `config.steps`, one record a step."""
    objective = PretrainingLoss(joint_loss, config.disturbance)
    while optimiser.steps < config.steps:
        step = optimiser.steps + 1
        torch.manual_seed(seed_for(config.seed, "dropout", step))  # which takes no generator
        batch = batch_at(step)
        batch.demand_finite()
        loss = objective(optimiser.model, batch, config.seed, "pretraining", step)
        norm = optimiser.step(loss)
        measured = None
        if step % config.validate_every == 0 or step == config.steps:
            measured = validate(optimiser.averaged, validation, joint_loss, config.seed)
        found = (None, None) if measured is None else (measured.loss, measured.mpjpe_mm)
        yield PretrainingStep(step, float(loss.detach()), norm, *found)


@dataclass(frozen=True)
class Denoised:
    """Clean estimates of noised truth, and what they are compared with."""

    x_0_hat: Motion
    x_0: Motion
    t: Int[Tensor, " batch"]
    mask: FrameMask

    def loss(self) -> LossTerms:
        """EgoAllo's."""
        return denoising_loss(self.x_0_hat, self.x_0, level_weight(self.t), self.mask)


def denoised(
    denoiser: Denoiser,
    batch: WindowBatch,
    t: Int[Tensor, " batch"],
    generator: torch.Generator,
    told: Float[Tensor, "batch frame_and_one 7"] | None = None,
) -> Denoised:
    """What the network makes of the truth noised to levels t, shown the true head path or `told`."""
    x_0 = true_motion(batch).pack()
    t = t.to(x_0.device)
    x_t = add_noise(x_0, torch.randn(x_0.shape, generator=generator).to(x_0), t)
    condition = denoiser.condition(batch.T_world_cpf if told is None else told)
    x_0_hat = denoiser(x_t[:, None], t, condition, batch.mask)[:, 0]
    return Denoised(x_0_hat, x_0, t, batch.mask)


@dataclass(frozen=True)
class PretrainingLoss:
    """The whole loss that a prior is made with: in both spaces, under head paths as headsets tell them.

    Motion and the head that a body hangs from stay true, whatever path the network is shown.
    """

    joint: JointLoss
    disturbance: DisturbanceConfig | None

    def __call__(
        self, denoiser: Denoiser, batch: WindowBatch, seed: int, *address: str | int
    ) -> Float[Tensor, ""]:
        """The loss under the randomness of an address; disturbances have a stream of their own beside it."""
        told = None
        if self.disturbance is not None:
            generator = generator_for(seed, *address, "disturbance")
            told = disturbed(batch.T_world_cpf, batch.mask, self.joint.fps, self.disturbance, generator)
        return pretraining_loss(denoiser, batch, self.joint, generator_for(seed, *address), told)


def pretraining_loss(
    denoiser: Denoiser,
    batch: WindowBatch,
    joint_loss: JointLoss | None,
    generator: torch.Generator,
    told: Float[Tensor, "batch frame_and_one 7"] | None = None,
) -> Float[Tensor, ""]:
    """EgoAllo's loss, and the one in joint space where there is one, of the same estimates.

    Levels are spread evenly over 1 … 1000, so that the variance of the loss is lower. The network is shown
    the path `told`, where one is given, in the place of the true one.
    """
    estimate = denoised(denoiser, batch, stratified_levels(len(batch), generator), generator, told)
    total = estimate.loss().total()
    return total if joint_loss is None else total + joint_loss(estimate.x_0_hat, batch)


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
    loss = pretraining_loss(denoiser, batch, None, generator_for(seed, "validation"))
    noisiest = torch.full((len(batch),), LEVELS)
    first = denoised(denoiser, batch, noisiest, generator_for(seed, "validation", "first"))
    return Validation(float(loss), joint_loss.mpjpe_mm(first.x_0_hat, batch))
