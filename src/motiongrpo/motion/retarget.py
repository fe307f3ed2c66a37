"""Retargeting: the motion of a rig on our mean body.

The world rotation of every joint is measured from the rig's T-pose, so a rig may have any local axes; limbs
then point where the rig's do, whatever pose it rests in. Directions are reproduced exactly, the ends of
limbs as far as proportions agree; the way travelled is scaled with the length of the legs.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS, PARENTS, Joint
from motiongrpo.geometry.so3 import matrix_from_rotation_vector, quaternion_from_matrix
from motiongrpo.motion.rig import RigPoses
from motiongrpo.motion.t_pose import LIMBS, SIDES, body_from_world, check_t_pose

LEG_M = (0.3, 1.5)  # bounds on thigh and shin together, of children and adults


def retarget(
    poses: RigPoses, t_pose: RigPoses, model: BodyModel
) -> tuple[Float[Tensor, "frame 51 4"], Float[Tensor, "frame 7"]]:
    """Local rotations and root pose of our mean body; `t_pose` is one frame of the same rig.

    Hands are left open; the floor stays where the file has it.
    """
    check_t_pose(t_pose)
    rest = model.rest_joints(torch.zeros(SHAPE_COEFFICIENTS).to(poses.p_world_joint))
    R_world_joint = _world_rotations(poses, t_pose, rest)
    p_world_root = _root_positions(poses, t_pose, rest, R_world_joint[:, Joint.PELVIS])
    R_world_parent = R_world_joint[:, list(PARENTS[1:BODY_JOINTS])]
    q_parent_joint = torch.zeros(len(poses), JOINTS - 1, 4).to(rest)
    q_parent_joint[..., 0] = 1.0
    q_parent_joint[:, : BODY_JOINTS - 1] = quaternion_from_matrix(R_world_parent.mT @ R_world_joint[:, 1:])
    q_world_root = quaternion_from_matrix(R_world_joint[:, Joint.PELVIS])
    return q_parent_joint, torch.cat([q_world_root, p_world_root], dim=-1)


def _world_rotations(poses: RigPoses, t_pose: RigPoses, rest: Tensor) -> Float[Tensor, "frame 22 3 3"]:
    """R_world_joint = R_world_rig · R_body_rig(T-pose)⁻¹ · alignment.

    A joint that the rig lacks moves with its parent.
    """
    R_body_world = body_from_world(t_pose)[0]
    sources, constants = [], []
    for joint in map(Joint, range(BODY_JOINTS)):
        while joint.name.lower() not in poses.joints:
            joint = Joint(PARENTS[joint])
        name = joint.name.lower()
        R_body_rig = R_body_world @ t_pose.rotation(name)[0]
        sources.append(poses.joints.index(name))
        constants.append(R_body_rig.mT @ _alignment(name, t_pose, rest, R_body_world))
    return poses.R_world_joint[:, sources] @ torch.stack(constants)


def _alignment(name: str, t_pose: RigPoses, rest: Tensor, R_body_world: Tensor) -> Float[Tensor, "3 3"]:
    """The smallest rotation that takes a rest bone of our body to the rig's bone in its T-pose."""
    side, _, part = name.partition("_")
    if part in ("ankle", "foot"):
        return _foot_alignment(side, t_pose, rest, R_body_world)
    name = f"{side}_elbow" if part == "wrist" else name  # a hand lies along its forearm
    if name not in dict(LIMBS):
        return torch.eye(3).to(rest)
    return _smallest_rotation(*_bones(name, dict(LIMBS)[name], t_pose, rest, R_body_world))


def _foot_alignment(side: str, t_pose: RigPoses, rest: Tensor, R_body_world: Tensor) -> Float[Tensor, "3 3"]:
    """A sole level from heel to toe, tilted sideways with the shin, turned where the rig's foot points.

    CMU's skeleton rests with its legs spread by 20° and has no joint that tilts a foot sideways: going
    by the bone from ankle to foot alone, people would stand on the edges of their feet.
    """
    flat, frontal = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).to(rest)
    ours, theirs = _bones(f"{side}_knee", f"{side}_ankle", t_pose, rest, R_body_world)
    tilt = _smallest_rotation(frontal * ours, frontal * theirs)
    ours, theirs = _bones(f"{side}_ankle", f"{side}_foot", t_pose, rest, R_body_world)
    return tilt @ _smallest_rotation(flat * ours, flat * (tilt.mT @ theirs))


def _bones(
    start: str, end: str, t_pose: RigPoses, rest: Tensor, R_body_world: Tensor
) -> tuple[Tensor, Tensor]:
    """One bone of our body at rest, and of the rig in its T-pose, both in body axes."""
    ours = rest[Joint[end.upper()]] - rest[Joint[start.upper()]]
    return ours, R_body_world @ (t_pose.position(end) - t_pose.position(start))[0]


def _smallest_rotation(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The rotation about start × end that takes the direction of one vector to that of the other."""
    axis = torch.linalg.cross(start, end)
    angle = torch.atan2(axis.norm(), start.dot(end))
    return matrix_from_rotation_vector(torch.nn.functional.normalize(axis, dim=0) * angle)


def _root_positions(
    poses: RigPoses, t_pose: RigPoses, rest: Tensor, R_world_root: Tensor
) -> Float[Tensor, "frame 3"]:
    """Positions of the pelvis: the midpoint of the hips is the rig's, scaled by the length of the legs."""
    ours = {name: rest[Joint[name.upper()]] for name in t_pose.joints}
    theirs = {name: t_pose.position(name)[0] for name in t_pose.joints}
    leg_m = _leg_length(theirs)
    if not LEG_M[0] < leg_m < LEG_M[1]:
        raise InputError(f"{t_pose.where}: a leg is {leg_m:.3g} m long; correct 'unit_m' of its layout")
    between_hips = (poses.position("left_hip") + poses.position("right_hip")) / 2
    hips_in_root = (ours["left_hip"] + ours["right_hip"]) / 2 - ours["pelvis"]
    return _leg_length(ours) / leg_m * between_hips - R_world_root @ hips_in_root


def _leg_length(position: Mapping[str, Tensor]) -> float:
    """Thigh and shin in metres, the mean of both sides."""
    bones = [
        (f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return sum(float((position[end] - position[start]).norm()) for start, end in bones) / len(SIDES)
