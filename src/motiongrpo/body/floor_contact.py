"""The floor: where it is, how sure that is, and which joints touch it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.body.skeleton import BODY_JOINTS, CONTACT_JOINTS, FEET


@dataclass(frozen=True)
class Floor:
    """A horizontal floor in world coordinates (z up)."""

    height_m: float
    confidence: float  # share of resting feet that rest on it, 0 to 1


def estimate_floor(
    p_world_sole: Float[Tensor, "frame sole 3"], fps: float, speed_m_s: float, tolerance_m: float
) -> Floor:
    """The lowest height at which feet often come to rest.

    The lowest sole point of a frame rests where it is slower than `speed_m_s`. The floor is the median of the
    densest band of width 2 · `tolerance_m` among the resting heights (the lower of two equally dense ones);
    the confidence is the share of resting frames within the band. If no foot ever rests, the floor is the
    lowest sole point and the confidence is 0.
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


class ContactConfig(Config):
    """The thresholds below which a joint counts as touching the floor."""

    speed_m_s: float = Field(gt=0)  # slower than this
    height_m: float = Field(gt=0)  # lower than this above its height in standing


def joint_speed(p_world_joint: Float[Tensor, "frame joint 3"], fps: float) -> Float[Tensor, "frame joint"]:
    """Speed in m/s by central differences; one-sided at both ends. Needs two frames."""
    (per_frame,) = torch.gradient(p_world_joint, dim=0)
    return per_frame.norm(dim=-1) * fps


def contact_labels(
    p_world_joint: Float[Tensor, "frame joint 3"],
    standing_height: Float[Tensor, " any_joint"],
    fps: float,
    config: ContactConfig,
) -> Bool[Tensor, "frame 21"]:
    """Contact of the 21 body joints with the floor z = 0; only knees, feet and wrists can be True.

    The height of a foot is measured from that in the zero pose, those of knees and wrists from the floor.
    """
    slow = joint_speed(p_world_joint[:, :BODY_JOINTS], fps) < config.speed_m_s
    clearance = torch.zeros(BODY_JOINTS).to(p_world_joint)
    clearance[list(FEET)] = standing_height[list(FEET)].to(p_world_joint)
    low = p_world_joint[:, :BODY_JOINTS, 2] < clearance + config.height_m
    touching = torch.zeros_like(slow)
    joints = list(CONTACT_JOINTS)
    touching[:, joints] = (slow & low)[:, joints]
    return touching[:, 1:]
