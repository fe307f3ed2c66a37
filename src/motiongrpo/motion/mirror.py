"""Mirroring of a motion: left and right exchanged, hands included.

A reflection M = diag(−1, 1, 1) flips a body's left–right axis (x). A rotation R becomes M R M, which
for a quaternion negates the y and z components; joints are exchanged with those of the other side.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.body.skeleton import BODY_JOINTS, MIRROR


def mirror_quaternions(q: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 4"]:
    """M R M of each rotation (`wxyz`)."""
    return q * torch.tensor([1.0, 1.0, -1.0, -1.0]).to(q)


def mirror_joints(q_parent_joint: Float[Tensor, "*batch joint 4"]) -> Float[Tensor, "*batch joint 4"]:
    """Local rotations of 21 or 51 joints below the root, mirrored and exchanged between the sides."""
    joints = q_parent_joint.shape[-2]
    other = [MIRROR[joint] - 1 for joint in range(1, joints + 1)]
    return mirror_quaternions(q_parent_joint)[..., other, :]


def mirror_contacts(contacts: Bool[Tensor, "*batch 21"]) -> Bool[Tensor, "*batch 21"]:
    """Contact labels exchanged between the sides."""
    return contacts[..., [MIRROR[joint] - 1 for joint in range(1, BODY_JOINTS)]]


def mirror_poses(T_world_frame: Float[Tensor, "*batch 7"]) -> Float[Tensor, "*batch 7"]:
    """World poses (`wxyz_xyz`) of coordinate frames on the midline, reflected in the world plane x = 0."""
    flip = torch.tensor([-1.0, 1.0, 1.0]).to(T_world_frame)
    return torch.cat([mirror_quaternions(T_world_frame[..., :4]), T_world_frame[..., 4:] * flip], dim=-1)
