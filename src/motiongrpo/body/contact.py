"""Contact with the floor: joints that are slow and low. Speeds are in m/s, independent of the frame rate."""

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.body.skeleton import BODY_JOINTS, CONTACT_JOINTS, FEET


class ContactConfig(Config):
    """The thresholds below which a joint counts as touching the floor."""

    speed_m_s: float = Field(gt=0)  # slower than this
    height_m: float = Field(gt=0)  # lower than this above where the joint is when it stands


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

    A foot is measured from its height in the zero pose, knees and wrists from the floor.
    """
    slow = joint_speed(p_world_joint[:, :BODY_JOINTS], fps) < config.speed_m_s
    clearance = torch.zeros(BODY_JOINTS).to(p_world_joint)
    clearance[list(FEET)] = standing_height[list(FEET)].to(p_world_joint)
    low = p_world_joint[:, :BODY_JOINTS, 2] < clearance + config.height_m
    touching = torch.zeros_like(slow)
    joints = list(CONTACT_JOINTS)
    touching[:, joints] = (slow & low)[:, joints]
    return touching[:, 1:]
