"""Contrastive training of the perceptual model: truth against corruptions of it and samples of a policy.

InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) with every negative of the batch against every
positive:  L = −E log exp(φ⁺/τ) / (exp(φ⁺/τ) + Σ exp(φ⁻/τ)).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSequence
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig, predictor, reverse_chain
from motiongrpo.geometry.se3 import Transform
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel, joint_features

LAST_STEPS = 3  # of a chain, whose states are the hard negatives


class RewardModelConfig(TrainingConfig):
    """Length and pace of the perceptual model's training, its negatives, its architecture."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    corruptions_per_window: int = Field(ge=1)
    severity_at_least: float = Field(ge=0, le=1)
    hard_negative_windows: int = Field(ge=0)  # sampled once from the pretrained denoiser
    hard_negatives_per_step: int = Field(ge=0)
    temperature: float = Field(gt=0)
    examination_windows: int = Field(ge=2)  # held out: calibration and report
    sampling: SamplingConfig
    model: PerceptualConfig
    optimiser: OptimiserConfig


@dataclass(frozen=True)
class RewardStep:
    """The log record of one step."""

    step: int  # counted from 1
    loss: float  # nats
    pair_accuracy: float  # share of (positive, negative) pairs in the right order
    gradient_norm: float


@dataclass(frozen=True)
class PerceptualInput(Batched):
    """Motions that the perceptual model judges, and the true head paths it judges them under."""

    candidate: PlacedMotion
    T_world_cpf: Float[Tensor, "batch frame_and_one 7"]

    def logits(self, model: PerceptualModel, body: BodyModel, fps: float) -> PerSequence:
        """The model's logit of each motion."""
        return self.logits_of_posed(model, self.candidate.posed(body)[1], fps)

    def logits_of_posed(self, model: PerceptualModel, posed: PosedBody, fps: float) -> PerSequence:
        """The model's logit of each motion, from candidates that are posed already."""
        head = Transform.from_wxyz_xyz(self.T_world_cpf[:, 1:])
        features = joint_features(posed, self.candidate.contacts, head, fps)
        return model(features, head_condition(self.T_world_cpf), self.candidate.mask)


def train_perceptual(
    optimiser: Optimiser[PerceptualModel],
    batch_at: Callable[[int], WindowBatch],
    hard: PerceptualInput | None,
    body: BodyModel,
    fps: float,
    config: RewardModelConfig,
) -> Iterator[RewardStep]:
    """Train from where the optimiser stands to `config.steps`, one record a step."""
    while optimiser.steps < config.steps:
        step = optimiser.steps + 1
        generator = generator_for(config.seed, "reward_model", step)
        yield contrast(optimiser, batch_at(step), hard, body, fps, config, generator)


def contrast(
    optimiser: Optimiser[PerceptualModel],
    batch: WindowBatch,
    hard: PerceptualInput | None,
    body: BodyModel,
    fps: float,
    config: RewardModelConfig,
    generator: torch.Generator,
) -> RewardStep:
    """One step: the truth of a batch against corruptions of it and some of the hard negatives."""
    batch.demand_finite()
    negatives = [corrupted(batch, config, generator)]
    if hard is not None:
        count = (config.hard_negatives_per_step,)
        drawn = torch.randint(0, len(hard.T_world_cpf), count, generator=generator)
        negatives.append(hard.rows(drawn))
    truth = PerceptualInput(PlacedMotion.truth(batch), batch.T_world_cpf)
    logits = PerceptualInput.concatenate([truth, *negatives]).logits(optimiser.model, body, fps)
    loss, accuracy = info_nce(logits[: len(batch)], logits[len(batch) :], config.temperature)
    norm = optimiser.step(loss)
    return RewardStep(optimiser.steps, float(loss.detach()), accuracy, norm)


def info_nce(
    positive: Float[Tensor, " positive"], negative: Float[Tensor, " negative"], temperature: float
) -> tuple[Tensor, float]:
    """The loss in nats and the share of pairs in the right order."""
    against = torch.cat([positive[:, None], negative.expand(len(positive), -1)], dim=1) / temperature
    loss = -against.log_softmax(dim=1)[:, 0].mean()
    return loss, float((positive[:, None] > negative).double().mean())


def corrupted(batch: WindowBatch, config: RewardModelConfig, generator: torch.Generator) -> PerceptualInput:
    """Several corruptions of every window, each of a random kind and severity, the kinds in turn."""
    truth, names = PlacedMotion.truth(batch), list(CORRUPTIONS)
    order = torch.randperm(len(names), generator=generator).tolist()
    kinds = [names[order[i % len(names)]] for i in range(config.corruptions_per_window)]
    parts = []
    for kind in kinds:
        u = torch.rand(len(batch), generator=generator).to(batch.betas)
        severity = config.severity_at_least + (1 - config.severity_at_least) * u
        parts.append(PerceptualInput(CORRUPTIONS[kind](truth, severity, generator), batch.T_world_cpf))
    return PerceptualInput.concatenate(parts)


@torch.no_grad()
def hard_negatives(
    denoiser: Denoiser, batch: WindowBatch, sampling: SamplingConfig, generator: torch.Generator
) -> PerceptualInput:
    """The states of the last three sampling steps: they look like truth and carry the policy's own faults."""
    features = denoiser.features
    shape = (len(batch), 1, batch.mask.shape[1], features)
    x_T = torch.randn(shape, generator=generator, device=generator.device)
    predict = predictor(denoiser, denoiser.condition(batch.T_world_cpf), batch.mask)
    chain = list(reverse_chain(predict, x_T.to(batch.betas), sampling, generator))
    states = [step.x_s[:, 0] for step in chain[-LAST_STEPS:]]
    T_world_cpf = batch.T_world_cpf
    return PerceptualInput.concatenate(
        [
            PerceptualInput(PlacedMotion.sampled(x, T_world_cpf[:, 1:], batch.mask), T_world_cpf)
            for x in states
        ]
    )
