"""Drawing motions under head paths of any length, ours and EgoAllo's.

The chain is `sampler.reverse_chain` for both. What differs is the estimate x̂_0 that each step is given:

* EgoAllo blends windows by its own rule and replaces the body's matrices by U·Vᵀ of their singular value
  decomposition: half of all matrices become reflections, and hands stay what the network said.
* Ours blends symmetrically and leaves x̂_0 the mean that it is, since a step of the exact posterior needs
  E[x_0 | x_t] and a mean of rotations is no rotation. The motion that comes out is projected once, hands
  too, to the nearest matrices with determinant +1.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongrpo.base.shapes import Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import MotionState, project_as_egoallo
from motiongrpo.diffusion.sampler import PredictCleanMotion, SamplingConfig, predictor, sample
from motiongrpo.diffusion.window_blend import (
    EGOALLO_PLAN,
    Window,
    WindowPlan,
    egoallo_windows,
    symmetric_windows,
)

HeadPaths = Float[Tensor, "condition frame_and_one 7"]


def motion_predictor(
    denoiser: Denoiser,
    T_world_cpf: HeadPaths,
    mask: Bool[Tensor, "condition frame"] | None,
    config: SamplingConfig,
) -> PredictCleanMotion:
    """x̂_0 of motions no longer than the network's windows, as the chosen sampler means it."""
    if config.sampler == "ddim":
        return predictor(denoiser, denoiser.condition(T_world_cpf), mask)
    return egoallo_predictor(denoiser, T_world_cpf, mask, EGOALLO_PLAN)


@torch.no_grad()
def sample_path(
    denoiser: Denoiser,
    T_world_cpf: HeadPaths,
    samples: int,
    config: SamplingConfig,
    plan: WindowPlan,
    generator: torch.Generator,
) -> Rollout:
    """Motions under whole head paths with one frame before the first, floor at z = 0, as packed features."""
    frames = T_world_cpf.shape[1] - 1
    shape = (len(T_world_cpf), samples, frames, denoiser.features)
    x_T = torch.randn(shape, generator=generator, device=generator.device).to(T_world_cpf)
    if config.sampler != "ddim":
        return sample(egoallo_predictor(denoiser, T_world_cpf, None, plan), x_T, config, generator)
    predict = blended_predictor(denoiser, T_world_cpf, None, symmetric_windows(frames, plan))
    return MotionState.unpack(sample(predict, x_T, config, generator)).projected().pack()


def egoallo_predictor(
    denoiser: Denoiser,
    T_world_cpf: HeadPaths,
    mask: Bool[Tensor, "condition frame"] | None,
    plan: WindowPlan,
) -> PredictCleanMotion:
    """EgoAllo's x̂_0: its windows, then its projection. Its own plan is 128 frames with 32 shared."""
    windows = egoallo_windows(T_world_cpf.shape[1] - 1, plan)
    predict = blended_predictor(denoiser, T_world_cpf, mask, windows)
    return lambda x_t, t: project_as_egoallo(predict(x_t, t))


def blended_predictor(
    denoiser: Denoiser,
    T_world_cpf: HeadPaths,
    mask: Bool[Tensor, "condition frame"] | None,
    windows: list[Window],
) -> PredictCleanMotion:
    """x̂_0 as the mean over windows, each with the condition of its own frames."""
    parts = []
    for window in windows:
        condition = denoiser.condition(T_world_cpf[:, window.start : window.stop + 1])
        part_mask = None if mask is None else mask[:, window.start : window.stop]
        parts.append((window, predictor(denoiser, condition, part_mask)))

    def predict(x_t: Rollout, t: Int[Tensor, " condition"]) -> Rollout:
        x_0 = torch.zeros_like(x_t)
        for window, predict_part in parts:
            frames = slice(window.start, window.stop)
            x_0[:, :, frames] += window.share.to(x_t)[:, None] * predict_part(x_t[:, :, frames], t)
        return x_0

    return predict
