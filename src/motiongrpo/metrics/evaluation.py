"""Scoring of a denoiser on held-out windows: samples are drawn, hung from the head and measured."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import PerSequence, Poses, Rollout
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.guidance import GuidanceConfig, guided
from motiongrpo.diffusion.path_sampling import motion_predictor
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig, sample
from motiongrpo.metrics.diversity import best_of_k_mpjpe_mm, pairwise_diversity_mm
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.metrics.score import score
from motiongrpo.motion.windows import Spread, WindowBatch


class EvaluationConfig(Config):
    """The windows that every checkpoint is scored on, and how its motions are drawn."""

    windows: int = Field(ge=1)  # of the test split
    spread: Spread  # what they are spread over evenly; over people, intervals are over people, too
    samples: int = Field(ge=2)  # motions per window
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)
    sampling: SamplingConfig
    resamples: int = Field(ge=100)  # of the bootstrap
    force: bool  # score again even where there is a current score
    baselines: bool  # compare with a constant pose and the mean of samples, too
    guidance: GuidanceConfig  # if enabled, compare with the same motions refined, too


@dataclass(frozen=True)
class EvaluationBatch:
    """Consecutive windows of an evaluation that pass through the network together."""

    windows: WindowBatch
    first: int  # the number of its first window, an address of its noise


def evaluation_batches(windows: WindowBatch, config: EvaluationConfig) -> Iterator[EvaluationBatch]:
    """All windows in order, `config.batch_size` at a time.

    Under the same configuration, samples drawn from these batches are the motions that are scored.
    """
    for first in range(0, len(windows), config.batch_size):
        index = torch.arange(first, min(first + config.batch_size, len(windows)))
        yield EvaluationBatch(windows.rows(index.to(windows.betas.device)), first)


@torch.no_grad()
def draw_samples(
    denoiser: Denoiser, batch: EvaluationBatch, config: EvaluationConfig, candidate: int = 0
) -> Rollout:
    """`config.samples` motions of every window, as packed features; each `candidate` is another draw."""
    windows, device = batch.windows, batch.windows.betas.device
    address = ("evaluation", batch.first, *(("candidate", candidate) if candidate else ()))
    generator = generator_for(config.seed, *address, device=device)
    count, frames = windows.mask.shape
    shape = (count, config.samples, frames, denoiser.features)
    x_T = torch.randn(shape, generator=generator, device=device).to(windows.betas)
    predict = motion_predictor(denoiser, windows.T_world_cpf, windows.mask, config.sampling)
    return sample(predict, x_T, config.sampling, generator)


def score_denoiser(
    denoiser: Denoiser,
    windows: WindowBatch,
    body: BodyModel,
    fps: float,
    config: EvaluationConfig,
    guidance: GuidanceConfig | None = None,
) -> dict[str, list[float | None]]:
    """Every metric of every window, averaged over its samples; None where it is undefined.

    With guidance, the motions are the same as without, but refined.
    """
    return listed(
        [
            score_samples(draw_samples(denoiser, batch, config), batch.windows, body, fps, guidance=guidance)
            for batch in evaluation_batches(windows, config)
        ]
    )


def listed(batches: list[dict[str, Tensor]]) -> dict[str, list[float | None]]:
    """Values of all windows by name; None where one is undefined, since JSON has no NaN."""
    values = {name: torch.cat([batch[name] for batch in batches]).tolist() for name in batches[0]}
    return {name: [None if math.isnan(v) else v for v in column] for name, column in values.items()}


@torch.no_grad()
def score_samples(
    x: Rollout,
    batch: WindowBatch,
    body: BodyModel,
    fps: float,
    T_world_cpf: Poses | None = None,
    guidance: GuidanceConfig | None = None,
) -> dict[str, PerSequence]:
    """Every metric per window of given samples, averaged over the samples.

    They are hung from the true head path, or from `T_world_cpf` where it is given, and refined if guided.
    """
    count, each_window = x.shape[:2]
    repeat = torch.arange(count, device=x.device).repeat_interleave(each_window)
    mask, head = batch.mask[repeat], batch.T_world_cpf[:, 1:] if T_world_cpf is None else T_world_cpf
    placed = PlacedMotion.sampled(x.flatten(0, 1), head[repeat], mask)
    placed = placed if guidance is None else guided(placed, body, fps, guidance)
    guess = BodyMotion.of(*placed.posed(body), placed.R_parent_joint, placed.contacts)
    truth = BodyMotion.truth(batch, body)
    each = score(guess, truth.rows(repeat), mask, fps)
    samples = guess.p_world_joint.unflatten(0, (count, each_window))
    return {name: value.view(count, each_window).mean(1) for name, value in each.items()} | {
        "best_of_k_mpjpe_mm": best_of_k_mpjpe_mm(samples, truth.p_world_joint, batch.mask),
        "pairwise_diversity_mm": pairwise_diversity_mm(samples, batch.mask),
    }
