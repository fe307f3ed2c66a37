"""Retargeting: the motion of a rig on our mean body.

The world rotation of every joint is measured from the rig's T-pose, so a rig may have any local axes and any
rest pose; limbs point where the rig's do. Directions are reproduced exactly, the ends of limbs as far as
proportions agree; the path is scaled with the length of the legs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS, PARENTS, Joint
from motiongrpo.geometry.quaternions import inverse, product, rotated, with_positive_w
from motiongrpo.geometry.so3 import quaternion_from_matrix
from motiongrpo.motion.rig import RigPoses
from motiongrpo.motion.t_pose import LIMBS, SIDES, body_from_world, check_t_pose

LEG_M = (0.3, 1.5)  # bounds on the length of thigh and shin together, for children and adults
LEGS = [f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")]
POINTING = {start: (start, end) for start, end in LIMBS} | {
    f"{side}_wrist": (f"{side}_elbow", f"{side}_wrist") for side in SIDES
}
"""The bone that determines the direction of a limb's joint; a hand continues its forearm."""


Motion = tuple[Float[Tensor, "frame 51 4"], Float[Tensor, "frame 7"]]
"""Local rotations and root pose of our body; hands are open."""


@dataclass(frozen=True)
class Fit:
    """How our mean body follows a rig, as measured in the rig's T-pose.

    q_world_joint = q_world_rig · q_body_rig(T-pose)⁻¹ · alignment. A joint that the rig lacks moves with its
    parent.
    """

    followed: tuple[str, ...]  # for each joint of ours, the joint of the rig
    q_rig_joint: Float[Tensor, "22 4"]
    way: float  # length of our path per length of the rig's
    p_root_hips: Float[Tensor, "3"]  # the midpoint of our hips

    def motion(self, poses: RigPoses) -> Motion:
        """The motion of our body; the floor stays where the file has it."""
        q_world_rig = poses.q_world_joint[:, [poses.joints.index(name) for name in self.followed]]
        q_world_joint = product(q_world_rig, self.q_rig_joint)
        q_world_parent = q_world_joint[:, list(PARENTS[1:BODY_JOINTS])]
        q_parent_joint = torch.zeros(4, JOINTS - 1, len(poses)).to(q_world_joint).permute(2, 1, 0)
        q_parent_joint[..., 0] = 1.0
        q_parent_joint[:, : BODY_JOINTS - 1] = with_positive_w(
            product(inverse(q_world_parent), q_world_joint[:, 1:])
        )
        q_world_root = with_positive_w(q_world_joint[:, Joint.PELVIS])
        p_world_hips = self.way / 2 * (poses.position("left_hip") + poses.position("right_hip"))
        p_world_root = p_world_hips - rotated(q_world_root, self.p_root_hips)
        return q_parent_joint, torch.cat([q_world_root, p_world_root], dim=-1)


def retarget(poses: RigPoses, t_pose: RigPoses, model: BodyModel) -> Motion:
    """The motion of our mean body; `t_pose` is one frame of the same rig."""
    return fit_to_rig(t_pose, model).motion(poses)


def fit_to_rig(t_pose: RigPoses, model: BodyModel) -> Fit:
    """Measure a rig in its T-pose; InputError for another pose, or for legs too long or too short."""
    check_t_pose(t_pose)
    rest = model.rest_joints(torch.zeros(SHAPE_COEFFICIENTS).to(t_pose.p_world_joint))
    left_hip, right_hip, pelvis = rest[_places(["left_hip", "right_hip", "pelvis"])]
    leg_m = _leg_length(t_pose.p_world_joint[0, [t_pose.joints.index(name) for name in LEGS]])
    if not LEG_M[0] < leg_m < LEG_M[1]:
        raise InputError(f"{t_pose.where}: a leg is {leg_m:.3g} m long; correct 'unit_m' of its layout")
    followed = [_followed(joint, t_pose.joints) for joint in range(BODY_JOINTS)]
    names = tuple(joint.name.lower() for joint in followed)
    R_body_world = body_from_world(t_pose)[0]
    q_world_rig = t_pose.q_world_joint[0, [t_pose.joints.index(name) for name in names]]
    q_body_rig = product(quaternion_from_matrix(R_body_world), q_world_rig)
    return Fit(
        followed=names,
        q_rig_joint=product(inverse(q_body_rig), _alignments(t_pose, rest, R_body_world)[followed]),
        way=_leg_length(rest[_places(LEGS)]) / leg_m,
        p_root_hips=(left_hip + right_hip) / 2 - pelvis,
    )


def _followed(joint: int, rig: tuple[str, ...]) -> Joint:
    """The joint itself where the rig has it, or else its nearest ancestor that the rig has."""
    while Joint(joint).name.lower() not in rig:
        joint = PARENTS[joint]
    return Joint(joint)


def _alignments(t_pose: RigPoses, rest: Tensor, R_body_world: Tensor) -> Float[Tensor, "22 4"]:
    """The smallest rotations that take rest bones of our body to the rig's bones in its T-pose."""
    alignments = torch.tensor([1.0, 0.0, 0.0, 0.0]).to(rest).repeat(BODY_JOINTS, 1)
    bones = _bones(POINTING.values(), t_pose, rest, R_body_world)
    alignments[_places(POINTING)] = _smallest_rotations(*bones)
    feet = _foot_alignments(t_pose, rest, R_body_world)
    for part in ("ankle", "foot"):
        alignments[_places(f"{side}_{part}" for side in SIDES)] = feet
    return alignments


def _foot_alignments(t_pose: RigPoses, rest: Tensor, R_body_world: Tensor) -> Float[Tensor, "side 4"]:
    """Soles level from heel to toe, tilted sideways with the shin, pointing where the rig's feet point.

    CMU's skeleton rests with its legs spread by 20° and has no joint that tilts a foot sideways: by the bone
    from ankle to foot alone, people would stand on the edges of their feet.
    """
    flat, frontal = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).to(rest)
    shins, feet = (
        _bones([(f"{side}_{start}", f"{side}_{end}") for side in SIDES], t_pose, rest, R_body_world)
        for start, end in (("knee", "ankle"), ("ankle", "foot"))
    )
    tilt = _smallest_rotations(frontal * shins[0], frontal * shins[1])
    return product(tilt, _smallest_rotations(flat * feet[0], flat * rotated(inverse(tilt), feet[1])))


def _bones(
    bones: Iterable[tuple[str, str]], t_pose: RigPoses, rest: Tensor, R_body_world: Tensor
) -> tuple[Float[Tensor, "bone 3"], Float[Tensor, "bone 3"]]:
    """Bones of our body at rest, and of the rig in its T-pose, all in body axes."""
    starts, ends = zip(*bones, strict=True)
    start, end = ([t_pose.joints.index(name) for name in names] for names in (starts, ends))
    theirs = t_pose.p_world_joint[0, end] - t_pose.p_world_joint[0, start]
    return rest[_places(ends)] - rest[_places(starts)], theirs @ R_body_world.mT


def _places(joints: Iterable[str]) -> list[Joint]:
    return [Joint[joint.upper()] for joint in joints]


def _smallest_rotations(
    starts: Float[Tensor, "bone 3"], ends: Float[Tensor, "bone 3"]
) -> Float[Tensor, "bone 4"]:
    """The rotations about start × end that take the direction of one vector to that of the other."""
    w = starts.norm(dim=-1) * ends.norm(dim=-1) + (starts * ends).sum(dim=-1)
    w = w.clamp(min=1e-9)  # for opposite vectors the axis is undefined, and no rotation is made
    q = torch.cat([w[:, None], torch.linalg.cross(starts, ends)], dim=-1)
    return torch.nn.functional.normalize(q, dim=-1)


def _leg_length(p: Float[Tensor, "6 3"]) -> float:
    """Thigh and shin in metres, the mean of both sides, from the positions of LEGS."""
    return float(p.reshape(len(SIDES), 3, 3).diff(dim=1).norm(dim=-1).sum()) / len(SIDES)
