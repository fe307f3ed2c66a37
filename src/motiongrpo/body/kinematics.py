"""Forward kinematics, batched and differentiable, and the body hung from the head.

A local rotation R_parent_joint turns joint coordinates into parent coordinates. A body is y up,
z forward in its own zero pose; the world is z up, and the root pose carries the difference.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import ShapedBody
from motiongrpo.body.skeleton import PARENTS, Joint, children_by_depth
from motiongrpo.geometry.se3 import Transform


@dataclass(frozen=True)
class PosedBody:
    """World orientation and position (metres) of every joint that was posed."""

    R_world_joint: Float[Tensor, "*batch joint 3 3"]
    p_world_joint: Float[Tensor, "*batch joint 3"]

    def lowered(self, height: float) -> "PosedBody":
        """The same pose, lowered by `height` metres."""
        down = torch.tensor([0.0, 0.0, height]).to(self.p_world_joint)
        return PosedBody(self.R_world_joint, self.p_world_joint - down)

    def joint(self, joint: Joint) -> Transform:
        """T_world_joint of one joint."""
        return Transform(self.R_world_joint[..., joint, :, :], self.p_world_joint[..., joint, :])


def pose_body(
    body: ShapedBody, R_parent_joint: Float[Tensor, "*batch joint 3 3"], T_world_root: Transform
) -> PosedBody:
    """Pose a body by the local rotations of its joints below the root: 21 for the body, 51 with hands.

    The batch axes of body and root must broadcast to those of the rotations.
    """
    joints, batch = R_parent_joint.shape[-3] + 1, R_parent_joint.shape[:-3]
    R_local = R_parent_joint.reshape(-1, joints - 1, 3, 3).permute(2, 3, 1, 0).contiguous()
    offset = body.t_parent_joint[..., :joints, :].expand(*batch, joints, 3)
    offset = offset.reshape(-1, joints, 3).permute(2, 1, 0)
    R = [T_world_root.R.expand(*batch, 3, 3).reshape(-1, 3, 3).permute(1, 2, 0)[:, :, None].contiguous()]
    p = [T_world_root.p.expand(*batch, 3).reshape(-1, 3).permute(1, 0)[:, None].contiguous()]
    above = [0]
    for level in children_by_depth(joints):
        place = [above.index(PARENTS[joint]) for joint in level]
        R_parent, p_parent = R[-1][:, :, place], p[-1][:, place]
        R.append(_product(R_parent, R_local[:, :, [joint - 1 for joint in level]]))
        p.append(p_parent + (R_parent * offset[None, :, level]).sum(1))
        above = level
    order = torch.tensor([0, *itertools.chain(*children_by_depth(joints))]).argsort()
    R_world, p_world = torch.cat(R, dim=2)[:, :, order], torch.cat(p, dim=1)[:, order]
    return PosedBody(
        R_world.permute(3, 2, 0, 1).reshape(*batch, joints, 3, 3),
        p_world.permute(2, 1, 0).reshape(*batch, joints, 3),
    )


def _product(A: Tensor, B: Tensor) -> Tensor:
    """The products A B of 3 × 3 matrices whose rows and columns are the first two axes.

    With poses as the last axis in memory, this is five times as fast as a batched product of small matrices.
    """
    return A[:, 0:1] * B[0:1] + A[:, 1:2] * B[1:2] + A[:, 2:3] * B[2:3]


def root_from_head(
    body: ShapedBody, R_parent_joint: Float[Tensor, "*batch joint 3 3"], T_world_cpf: Transform
) -> Transform:
    """T_world_root of a body hung rigidly from its central pupil frame.

    T_world_root = T_world_cpf · T_head_cpf⁻¹ · T_root_head⁻¹, so the head is exact by construction.
    """
    R_root_head, p_root_head = _root_to_head(body, R_parent_joint)
    return T_world_cpf @ (Transform(R_root_head, p_root_head) @ body.T_head_cpf).inverse()


def _root_to_head(body: ShapedBody, R_parent_joint: Tensor) -> tuple[Tensor, Tensor]:
    """R and p of T_root_head, along the chain of spine, neck and head."""
    chain = [Joint.HEAD]
    while PARENTS[chain[0]] > 0:
        chain.insert(0, Joint(PARENTS[chain[0]]))
    R = torch.eye(3).to(R_parent_joint).expand(*R_parent_joint.shape[:-3], 3, 3)
    p = torch.zeros(3).to(R_parent_joint).expand(*R.shape[:-2], 3)
    for joint in chain:
        p = p + (R @ body.t_parent_joint[..., joint, :, None])[..., 0]
        R = R @ R_parent_joint[..., joint - 1, :, :]
    return R, p


def central_pupil_frame(body: ShapedBody, posed: PosedBody) -> Transform:
    """T_world_cpf of a posed body: midway between the eyes, x left, y up, z forward, fixed to the head.

    In head coordinates its position depends on the shape only; its axes are those of the head joint
    (arXiv:2410.03665).
    """
    return posed.joint(Joint.HEAD) @ body.T_head_cpf


def sole_positions(body: ShapedBody, posed: PosedBody) -> Float[Tensor, "*batch sole 3"]:
    """World positions of points on the soles of both feet, metres."""
    joints = list(body.sole_joints)
    column_x, column_y, column_z = posed.R_world_joint[..., joints, :, :].unbind(-1)
    x, y, z = body.p_joint_sole[..., None, :].unbind(-1)
    return posed.p_world_joint[..., joints, :] + (column_x * x + column_y * y + column_z * z)
