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
from motiongrpo.diffusion.sampler import (
    Noise,
    PredictCleanMotion,
    SamplingConfig,
    predictor,
    sample,
    standard_normal,
)
from motiongrpo.diffusion.window_blend import (
    EGOALLO_PLAN,
    Window,
    WindowPlan,
    egoallo_windows,
    symmetric_windows,
)

WINDOWS_AT_ONCE = 64  # rows of one pass of the network

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
    windows = windows_of(T_world_cpf.shape[1] - 1, plan, config.sampler)
    return sample_windows(denoiser, T_world_cpf, samples, config, windows, generator)


def sample_windows(
    denoiser: Denoiser,
    T_world_cpf: HeadPaths,
    samples: int,
    config: SamplingConfig,
    windows: list[Window],
    noise: Noise,
) -> Rollout:
    """`sample_path` over windows that are given, with numbers from a generator or from any other source."""
    frames = T_world_cpf.shape[1] - 1
    x_T = standard_normal(T_world_cpf.new_empty(len(T_world_cpf), samples, frames, denoiser.features), noise)
    predict = blended_predictor(denoiser, T_world_cpf, None, windows)
    if config.sampler != "ddim":
        return sample(lambda x_t, t: project_as_egoallo(predict(x_t, t)), x_T, config, noise)
    return MotionState.unpack(sample(predict, x_T, config, noise)).projected().pack()


def windows_of(frames: int, plan: WindowPlan, sampler: str) -> list[Window]:
    """The windows over a path, by the rule that belongs to the sampler."""
    return symmetric_windows(frames, plan) if sampler == "ddim" else egoallo_windows(frames, plan)


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
    """x̂_0 as the mean over windows, each with the condition of its own frames.

    Neighbouring windows of one length go through the network together, as further rows of its batch.
    """
    parts = []
    for group in _alike(windows, max(1, WINDOWS_AT_ONCE // len(T_world_cpf))):
        paths = torch.cat([T_world_cpf[:, window.start : window.stop + 1] for window in group])
        masks = [None if mask is None else mask[:, window.start : window.stop] for window in group]
        real = None if mask is None else torch.cat([part for part in masks if part is not None])
        parts.append((group, predictor(denoiser, denoiser.condition(paths), real)))

    def predict(x_t: Rollout, t: Int[Tensor, " condition"]) -> Rollout:
        x_0 = torch.zeros_like(x_t)
        for group, predict_part in parts:
            x_part = torch.cat([x_t[:, :, window.start : window.stop] for window in group])
            for window, part in zip(
                group, predict_part(x_part, t.repeat(len(group))).chunk(len(group)), strict=True
            ):
                x_0[:, :, window.start : window.stop] += window.share.to(x_t)[:, None] * part
        return x_0

    return predict


def _alike(windows: list[Window], at_most: int) -> list[list[Window]]:
    """The windows in order, in groups of one length."""
    groups: list[list[Window]] = []
    for window in windows:
        length = window.stop - window.start
        if groups and len(groups[-1]) < at_most and groups[-1][0].stop - groups[-1][0].start == length:
            groups[-1].append(window)
        else:
            groups.append([window])
    return groups
