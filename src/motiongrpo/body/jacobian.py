"""The geometric Jacobian of a body hung from its head: how its points move as its joints turn.

R_parent_joint ← R_parent_joint exp(ω) turns everything below joint k by R_world_k ω about the joint. Where
the head is joint k or below it, the head stays in place instead, and the rest turns by −R_world_k ω.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.kinematics import PosedBody
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint


def hung_jacobian(
    posed: PosedBody, owners: Sequence[int], p_world_point: Float[Tensor, "*batch point 3"]
) -> Float[Tensor, "*batch point 3 turn"]:
    """∂p/∂ω of points fixed to the joints `owners`, in metres per radian, with the head held in place.

    The 63 rotations are about three axes of each of the 21 joints below the root, in the joint's coordinates.
    """
    joints = slice(1, BODY_JOINTS)
    axes = posed.R_world_joint[..., None, joints, :, :].transpose(-3, -2)  # … 1 3 joint axis
    arm = p_world_point[..., None] - posed.p_world_joint[..., None, joints, :].mT  # … point 3 joint
    turned = torch.linalg.cross(*torch.broadcast_tensors(axes, arm[..., None]), dim=-3)
    return (turned * _sense(owners).to(arm)[:, None, :, None]).flatten(-2)


def _sense(owners: Sequence[int]) -> Float[Tensor, "point joint"]:
    """1 where a point turns with a joint, −1 where it turns against it since the head is held, else 0."""
    head = _upwards(Joint.HEAD)
    rows = [[float(k in _upwards(owner)) - (k in head) for k in range(1, BODY_JOINTS)] for owner in owners]
    return torch.tensor(rows)


def _upwards(joint: int) -> set[int]:
    """The joint and its ancestors below the root."""
    return {joint, *_upwards(PARENTS[joint])} if joint > 0 else set()
