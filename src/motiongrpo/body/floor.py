"""The floor of a motion, estimated as the height at which the feet come to rest, with a confidence."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.contact import joint_speed


@dataclass(frozen=True)
class Floor:
    """A horizontal floor in world coordinates (z up)."""

    height_m: float
    confidence: float  # share of resting feet that rest on it, 0 to 1


def estimate_floor(
    p_world_sole: Float[Tensor, "frame sole 3"], fps: float, speed_m_s: float, tolerance_m: float
) -> Floor:
    """The lowest height at which feet often come to rest.

    Of the lowest sole point of every frame, those slower than `speed_m_s` are resting. The floor is
    the median of the densest band of width 2 · `tolerance_m` among the resting heights (the lower one
    of two equally dense); the confidence is the share of resting frames within the band. If no foot
    ever rests the floor is the lowest point seen and the confidence is 0.
    """
    lowest = p_world_sole[..., 2].argmin(dim=1, keepdim=True)
    height = p_world_sole[..., 2].gather(1, lowest)[:, 0]
    resting = height[joint_speed(p_world_sole, fps).gather(1, lowest)[:, 0] < speed_m_s]
    if len(resting) == 0:
        return Floor(float(height.min()), 0.0)
    ordered = resting.sort().values
    last = torch.searchsorted(ordered, ordered + 2 * tolerance_m, right=True)
    count = last - torch.arange(len(ordered))
    start = int(count.argmax())
    band = ordered[start : int(last[start])]
    return Floor(float(band.median()), len(band) / len(ordered))
