"""Windows over a path longer than a network was trained on, and how their estimates are averaged.

All windows denoise the same noisy motion, and x̂_0 of a frame is the weighted mean over the windows that
hold it, at every step (MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113). Two rules say which windows
there are and how much each counts; `docs/egoallo.md` shows both.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from pydantic import Field, model_validator
from torch import Tensor

from motiongrpo.base.config import Config


class WindowPlan(Config):
    """Length of windows and how many frames two neighbours share."""

    length: int = Field(ge=1)
    overlap: int = Field(ge=1)

    @model_validator(mode="after")
    def refuse_wide_overlaps(self) -> "WindowPlan":
        if 2 * self.overlap > self.length:
            raise ValueError(
                f"overlap must be at most half of length, got {self.overlap} frames of {self.length}"
            )
        return self


EGOALLO_PLAN = WindowPlan(length=128, overlap=32)


@dataclass(frozen=True)
class Window:
    """The frames [start, stop) and the share of each in the mean; the shares of one frame sum to 1."""

    start: int
    stop: int
    share: Float64[Tensor, " frame"]


def trapezoid(frames: int, ramp: int) -> Float64[Tensor, " frame"]:
    """1/ramp, 2/ramp … 1 … 2/ramp, 1/ramp; a triangle where there is no room for both ramps."""
    rising = torch.arange(1, frames + 1, dtype=torch.float64)
    return torch.minimum(rising, rising.flip(0)).clamp(max=ramp) / ramp


def symmetric_windows(frames: int, plan: WindowPlan) -> list[Window]:
    """Every window is full and has a trapezoid of its own, so one fades out as the next fades in.

    Windows are as many as that overlap asks for, evenly spread from the first frame to the last. Where the
    path itself begins and ends nothing fades: a ramp there would tear two windows that nearly coincide.
    """
    last = max(0, frames - plan.length)
    steps = math.ceil(last / (plan.length - plan.overlap))
    starts = [i * last // max(1, steps) for i in range(steps + 1)]
    spans = [(start, min(start + plan.length, frames)) for start in starts]
    weights = [trapezoid(plan.length, plan.overlap)[: stop - start] for start, stop in spans]
    weights[0][: plan.overlap] = 1
    weights[-1][-plan.overlap :] = 1
    return _shared(spans, weights, frames)


def egoallo_windows(frames: int, plan: WindowPlan) -> list[Window]:
    """EgoAllo's published rule, for comparison: one trapezoid over the whole path, sliced from its start.

    Only the newer window ramps, so its share jumps from one half to one where an overlap ends; a last
    window may be one frame long; and a path of 97 … 128 frames, which fits one window, gets two.
    """
    starts = range(0, frames, plan.length - plan.overlap)
    spans = [(start, min(start + plan.length, frames)) for start in starts]
    whole = trapezoid(frames, plan.overlap)
    return _shared(spans, [whole[: stop - start] for start, stop in spans], frames)


def _shared(spans: list[tuple[int, int]], weights: list[Tensor], frames: int) -> list[Window]:
    total = torch.zeros(frames, dtype=torch.float64)
    for (start, stop), weight in zip(spans, weights, strict=True):
        total[start:stop] += weight
    return [
        Window(start, stop, weight / total[start:stop])
        for (start, stop), weight in zip(spans, weights, strict=True)
    ]
