"""A metric: its unit, direction and definition, and means over the real frames of a window."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence

MM_PER_M = 1000.0


@dataclass(frozen=True)
class Metric:
    """The unit, the better direction and the definition of one metric."""

    unit: str
    better: Literal["lower", "higher", "none"]
    definition: str  # one sentence
    undefined: str = ""  # when the value of a window is NaN, in words; empty if it never is
    weight: str = ""  # the metric that weights windows in a mean; empty for equal weights
    in_print: bool = False  # only for comparison with published tables; another metric is judged instead


NO_CONTACT = "no foot is in contact in the truth"
STILL_TRUTH = "nothing moves in the truth"


def mean_where(
    values: Float[Tensor, "batch frame *joint"], where: Bool[Tensor, "batch frame *joint"]
) -> PerSequence:
    """Mean over the True places of each window; NaN where a window has none. Other values may be NaN."""
    counted = torch.where(where, values, torch.zeros_like(values))
    return counted.flatten(1).sum(1) / where.flatten(1).sum(1)


def joint_mean(values: Float[Tensor, "batch frame joint"], mask: FrameMask) -> PerSequence:
    """Mean over real frames and joints."""
    return mean_where(values, mask[..., None].expand_as(values))


def real_runs(mask: FrameMask, length: int) -> Bool[Tensor, "batch start"]:
    """True where `length` consecutive real frames begin; a window without any is refused."""
    if mask.shape[1] < length:
        raise ValueError(f"windows must have at least {length} frames in a row, got {mask.shape[1]}")
    runs = mask.unfold(1, length, 1).all(dim=-1)
    without = (~runs.any(dim=1)).nonzero()[:, 0].tolist()
    if without:
        raise ValueError(f"windows must have at least {length} real frames in a row, got fewer in {without}")
    return runs
