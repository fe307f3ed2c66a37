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
ByJoint = Float[Tensor, "batch frame 22"]


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


def rotation_errors(guess: PosedMotion, truth: PosedMotion, kind: RotationError) -> ByJoint:
    """Local rotation error of every joint, radians: the geodesic angle, or |difference| of rotation vectors.

    The second is what the field prints; it is not an angle and depends on the axis.
    """
    if kind == "geodesic":
        return geodesic_angle(guess.R_parent_joint, truth.R_parent_joint)
    vectors = [rotation_vector_from_matrix(motion.R_parent_joint) for motion in (guess, truth)]
    return (vectors[0] - vectors[1]).abs().mean(-1)


def position_errors(guess: PosedMotion, truth: PosedMotion) -> ByJoint:
    """Distance of every joint from its true position in the world, metres."""
    return (guess.p_world_joint - truth.p_world_joint).norm(dim=-1)


def aligned_position_errors(guess: PosedMotion, truth: PosedMotion) -> ByJoint:
    """Distance of every joint, metres, after the similarity that brings each guess nearest to the truth."""
    aligned = align_to(guess.p_world_joint, truth.p_world_joint)
    return (aligned - truth.p_world_joint).norm(dim=-1)


def velocity_errors(guess: PosedMotion, truth: PosedMotion, fps: float) -> Float[Tensor, "batch step 22"]:
    """Norm of the difference of joint velocities between neighbouring frames, m/s."""
    return ((guess.p_world_joint - truth.p_world_joint).diff(dim=1) * fps).norm(dim=-1)


def real_steps(mask: Bool[Tensor, "batch frame"]) -> Bool[Tensor, "batch step"]:
    """Where both of two neighbouring frames are real."""
    return mask[:, 1:] & mask[:, :-1]


def by_frame(
    errors: Float[Tensor, "batch step 22"], mask: Bool[Tensor, "batch frame"]
) -> Float[Tensor, "batch frame 22"]:
    """Errors between neighbouring real frames, half of each on either frame."""
    half = 0.5 * errors * real_steps(mask)[..., None]
    return torch.nn.functional.pad(half, (0, 0, 0, 1)) + torch.nn.functional.pad(half, (0, 0, 1, 0))


def masked_mean(values: Float[Tensor, "batch frame joint"], mask: Bool[Tensor, "batch frame"]) -> PerSequence:
    """Mean over real frames and joints."""
    return (values.mean(-1) * mask).sum(-1) / mask.sum(-1)
