"""Joint-level errors of a sample against the truth of its window: the explicit half of the reward.

Means over real frames and the 22 body joints. A reward is exp(−ω · error), in (0, 1].
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.shapes import PerSequence
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.geometry.alignment import align_to
from motiongrpo.geometry.so3 import geodesic_angle, rotation_vector_from_matrix

RotationError = Literal["geodesic", "axis_angle_components"]


@dataclass(frozen=True)
class PosedMotion(Batched):
    """Local rotations (root first, in the world) and joints of the 22 body joints."""

    R_parent_joint: Float[Tensor, "batch frame 22 3 3"]
    p_world_joint: Float[Tensor, "batch frame 22 3"]

    @classmethod
    def of(cls, R_parent_joint: Float[Tensor, "batch frame joint 3 3"], posed: PosedBody) -> "PosedMotion":
        """From the rotations below the root and the posed body they made."""
        root = posed.R_world_joint[..., :1, :, :]
        return cls(
            torch.cat([root, R_parent_joint[..., : BODY_JOINTS - 1, :, :]], dim=-3),
            posed.p_world_joint[..., :BODY_JOINTS, :],
        )


def rotation_error(
    guess: PosedMotion, truth: PosedMotion, mask: Bool[Tensor, "batch frame"], kind: RotationError
) -> PerSequence:
    """Mean local rotation error, radians: the geodesic angle, or |difference| of rotation vectors.

    The second is what the field prints; it is not an angle and depends on the axis.
    """
    if kind == "geodesic":
        return masked_mean(geodesic_angle(guess.R_parent_joint, truth.R_parent_joint), mask)
    difference = rotation_vector_from_matrix(guess.R_parent_joint) - rotation_vector_from_matrix(
        truth.R_parent_joint
    )
    return masked_mean(difference.abs().mean(-1), mask)


def position_error(guess: PosedMotion, truth: PosedMotion, mask: Bool[Tensor, "batch frame"]) -> PerSequence:
    """Mean distance of joints in the world, metres."""
    return masked_mean((guess.p_world_joint - truth.p_world_joint).norm(dim=-1), mask)


def aligned_position_error(
    guess: PosedMotion, truth: PosedMotion, mask: Bool[Tensor, "batch frame"]
) -> PerSequence:
    """Mean distance of joints, metres, after the similarity that brings each guess nearest to the truth."""
    aligned = align_to(guess.p_world_joint, truth.p_world_joint)
    return masked_mean((aligned - truth.p_world_joint).norm(dim=-1), mask)


def velocity_error(
    guess: PosedMotion, truth: PosedMotion, mask: Bool[Tensor, "batch frame"], fps: float
) -> PerSequence:
    """Mean norm of the difference of joint velocities between neighbouring real frames, m/s."""
    difference = (guess.p_world_joint - truth.p_world_joint).diff(dim=1) * fps
    return masked_mean(difference.norm(dim=-1), mask[:, 1:] & mask[:, :-1])


def masked_mean(values: Float[Tensor, "batch frame joint"], mask: Bool[Tensor, "batch frame"]) -> PerSequence:
    """Mean over real frames and joints."""
    return (values.mean(-1) * mask).sum(-1) / mask.sum(-1)
