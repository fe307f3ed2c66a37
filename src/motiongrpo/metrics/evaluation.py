"""Scoring a denoiser on windows: sample, hang from the head, judge."""

import torch
from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.shapes import PerSequence, Rollout
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import motion_predictor
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig, sample
from motiongrpo.metrics.diversity import best_of_k_mpjpe_mm, pairwise_diversity_mm
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.metrics.score import score
from motiongrpo.motion.windows import WindowBatch


class EvaluationConfig(Config):
    """What every checkpoint is scored on, and how its motions are drawn."""

    windows: int = Field(ge=1)  # of the test split, evenly spaced over it
    samples: int = Field(ge=2)  # motions a window
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)
    sampling: SamplingConfig
    resamples: int = Field(ge=100)  # of the bootstrap
    force: bool  # score again what has a score


def score_windows(
    denoiser: Denoiser,
    batch: WindowBatch,
    body: BodyModel,
    fps: float,
    config: EvaluationConfig,
    generator: torch.Generator,
) -> dict[str, PerSequence]:
    """Every metric per window, averaged over its samples; the head path is the true one."""
    return score_samples(draw_samples(denoiser, batch, config, generator), batch, body, fps)


@torch.no_grad()
def draw_samples(
    denoiser: Denoiser, batch: WindowBatch, config: EvaluationConfig, generator: torch.Generator
) -> Rollout:
    """`config.samples` motions of every window, as packed features."""
    count, frames = batch.mask.shape
    features = denoiser.features
    shape = (count, config.samples, frames, features)
    x_T = torch.randn(shape, generator=generator, device=generator.device).to(batch.betas)
    predict = motion_predictor(denoiser, batch.T_world_cpf, batch.mask, config.sampling)
    return sample(predict, x_T, config.sampling, generator)


@torch.no_grad()
def score_samples(x: Rollout, batch: WindowBatch, body: BodyModel, fps: float) -> dict[str, PerSequence]:
    """Every metric per window of motions that were drawn already, averaged over the samples."""
    count, each_window = x.shape[:2]
    repeat = torch.arange(count, device=x.device).repeat_interleave(each_window)
    mask = batch.mask[repeat]
    placed = PlacedMotion.sampled(x.flatten(0, 1), batch.T_world_cpf[repeat, 1:], mask)
    guess = BodyMotion.of(*placed.posed(body), placed.R_parent_joint, placed.contacts)
    truth = BodyMotion.truth(batch, body)
    each = score(guess, truth.rows(repeat), mask, fps)
    samples = guess.p_world_joint.unflatten(0, (count, each_window))
    return {name: value.view(count, each_window).mean(1) for name, value in each.items()} | {
        "best_of_k_mpjpe_mm": best_of_k_mpjpe_mm(samples, truth.p_world_joint, batch.mask),
        "pairwise_diversity_mm": pairwise_diversity_mm(samples, batch.mask),
    }
