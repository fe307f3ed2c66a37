"""How points of a body that hangs from its head move as its joints turn: the geometric Jacobian.

R_parent_joint ← R_parent_joint exp(ω) turns what hangs below joint k by R_world_k ω about the joint. Where
the head is joint k or below it, the head stays where it is, so that all the rest turns by −R_world_k ω.
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
    """∂p/∂ω of points fixed to the joints `owners`, metres a radian, with the head held.

    The 63 turns are three axes of each of the 21 joints below the root, in that joint's own coordinates.
    """
    joints = slice(1, BODY_JOINTS)
    axes = posed.R_world_joint[..., None, joints, :, :].transpose(-3, -2)  # … 1 3 joint axis
    arm = p_world_point[..., None] - posed.p_world_joint[..., None, joints, :].mT  # … point 3 joint
    turned = torch.linalg.cross(*torch.broadcast_tensors(axes, arm[..., None]), dim=-3)
    return (turned * _sense(owners).to(arm)[:, None, :, None]).flatten(-2)


def _sense(owners: Sequence[int]) -> Float[Tensor, "point joint"]:
    """1 where a point turns with a joint, −1 where it turns against it for the head's sake, else 0."""
    head = _upwards(Joint.HEAD)
    rows = [[float(k in _upwards(owner)) - (k in head) for k in range(1, BODY_JOINTS)] for owner in owners]
    return torch.tensor(rows)


def _upwards(joint: int) -> set[int]:
    """The joint and those between it and the root."""
    return {joint, *_upwards(PARENTS[joint])} if joint > 0 else set()
