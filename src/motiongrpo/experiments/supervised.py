"""Supervised fine-tuning on the joint terms of the reward: the control that GRPO has to beat.

The terms are differentiable in x̂_0, so no policy gradient is needed to lower them. Truth is noised to a level
that GRPO trains, the network's estimate of it is placed and posed as a sample is, and

    L = Σ_k ω_k · error_k = − Σ_k log r_k

The estimate is of noised truth, not of a state that the policy reached by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from pydantic import Field
from torch import Tensor

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSequence
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.training import denoised, noised, strata
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.rollout import RolloutConfig, trainable_steps
from motiongrpo.rewards.hybrid import PERCEPTUAL, HybridReward, RewardConfig


class SupervisedConfig(TrainingConfig):
    """Length and pace; levels and terms are those of a GRPO it is compared with."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    rollout: RolloutConfig  # of which only the levels are used
    rewards: RewardConfig  # of which only the joint terms are used
    optimiser: OptimiserConfig


@dataclass(frozen=True)
class SupervisedStep:
    """The log record of one step."""

    step: int  # counted from 1
    loss: float
    measured: dict[str, float]  # errors in radians, metres, m/s
    gradient_norm: float  # before clipping


def fine_tune(
    optimiser: Optimiser[Denoiser],
    batch_at: Callable[[int], WindowBatch],
    reward: HybridReward,
    omega: dict[str, float],
    config: SupervisedConfig,
) -> Iterator[SupervisedStep]:
    """Train from where the optimiser stands to `config.steps`, one record a step."""
    levels = torch.tensor([t for t, _ in trainable_steps(config.rollout)])
    while optimiser.steps < config.steps:
        step, batch = optimiser.steps + 1, batch_at(optimiser.steps + 1)
        generator = generator_for(config.seed, "supervised", step)
        t = levels[strata(len(batch), len(levels), generator)].to(batch.betas.device)
        errors = estimate_errors(optimiser.model, batch, t, reward, generator)
        loss = joint_loss(errors, omega, [term for term in config.rewards.terms if term != PERCEPTUAL])
        norm = optimiser.step(loss)
        measured = {term: float(error.detach().mean()) for term, error in errors.items()}
        yield SupervisedStep(step, float(loss.detach()), measured, norm)


def estimate_errors(
    denoiser: Denoiser,
    batch: WindowBatch,
    t: Int[Tensor, " batch"],
    reward: HybridReward,
    generator: torch.Generator,
) -> dict[str, PerSequence]:
    """Joint errors of x̂_0 given truth noised to level t, hung from the true head; differentiable."""
    x_0_hat = denoised(denoiser, noised(batch, t, generator)).x_0_hat
    guess = PlacedMotion.sampled(x_0_hat, batch.T_world_cpf[:, 1:], batch.mask)
    each = torch.arange(len(batch), device=t.device)
    return reward.joint_errors(guess, guess.posed(reward.body)[1], PlacedMotion.truth(batch), each)


def joint_loss(errors: dict[str, PerSequence], omega: dict[str, float], terms: list[str]) -> Tensor:
    """Σ_k ω_k · error_k, a mean over the batch: minus the sum of the logarithms of the rewards."""
    return torch.stack([omega[term] * errors[term].mean() for term in terms]).sum()
