"""Retargeting: the motion of a rig on our mean body.

The world rotation of every joint is measured from the rig's T-pose, so a rig may have any local axes and any
rest pose; limbs point where the rig's do. Directions are reproduced exactly, the ends of limbs as far as
proportions agree; the path is scaled with the length of the legs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.geometry.quaternions import inverse, product, rotated, with_positive_w
from motiongrpo.geometry.so3 import quaternion_from_matrix
from motiongrpo.motion.rig import HIPS, RigPoses
from motiongrpo.motion.t_pose import (
    LIMB_JOINTS,
    LIMBS,
    SIDES,
    body_from_world,
    check_t_pose,
    limb_directions,
)

LEG_M = (0.3, 1.5)  # bounds on the length of thigh and shin together, for children and adults
LEGS = [f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")]
POINTING = {start: (start, end) for start, end in LIMBS} | {
    f"{side}_wrist": (f"{side}_elbow", f"{side}_wrist") for side in SIDES
}
"""The bone that determines the direction of a limb's joint; a hand continues its forearm."""


KNOWN_RIGS = 64  # rigs kept: most takes of a folder are on the same few

Motion = tuple[Float[Tensor, "frame 21 4"], Float[Tensor, "frame 7"]]
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
    limbs: Float[Tensor, "8 3"]  # their directions in the T-pose

    def motion(self, poses: RigPoses, travel: float) -> Motion:
        """The motion of our body; the floor stays where the file has it.

        `travel` is the share of the rig's path that suits its legs.
        """
        q_world_joint = product(poses.orientations(self.followed), self.q_rig_joint)
        q_world_parent = q_world_joint[:, list(PARENTS[1:BODY_JOINTS])]
        q_parent_joint = with_positive_w(product(inverse(q_world_parent), q_world_joint[:, 1:]))
        q_world_root = with_positive_w(q_world_joint[:, Joint.PELVIS])
        way = self.way * self.p_root_hips.new_tensor([travel, travel, 1.0])
        p_world_hips = way * poses.positions(HIPS).mean(dim=1)
        p_world_root = p_world_hips - rotated(q_world_root, self.p_root_hips)
        return q_parent_joint, torch.cat([q_world_root, p_world_root], dim=-1)


def fit_to_rig(t_pose: RigPoses, model: BodyModel) -> Fit:
    """Measure a rig in its T-pose, a single frame; InputError for another pose, or legs too long or short."""
    joints = tuple(t_pose.joints)
    q, p = (values[0].tolist() for values in (t_pose.orientations(joints), t_pose.positions(joints)))
    return _measured(_TPose(t_pose.where, joints, tuple(map(tuple, q)), tuple(map(tuple, p))), model)


@dataclass(frozen=True)
class _TPose:
    """A frame of a rig in plain numbers, a key by which measured rigs are recognised."""

    where: str = field(compare=False)
    joints: tuple[str, ...]
    q_world_joint: tuple[tuple[float, ...], ...]
    p_world_joint: tuple[tuple[float, ...], ...]


@lru_cache(KNOWN_RIGS)
def _measured(t_pose: _TPose, model: BodyModel) -> Fit:
    rest = model.rest_joints(torch.zeros(SHAPE_COEFFICIENTS, dtype=torch.float64))[:BODY_JOINTS]
    rig, q_world_rig = torch.zeros_like(rest), torch.tensor(t_pose.q_world_joint, dtype=torch.float64)
    rig[_places(t_pose.joints)] = torch.tensor(t_pose.p_world_joint, dtype=torch.float64)
    limbs = limb_directions(rig[_places(LIMB_JOINTS)])
    check_t_pose(limbs, t_pose.where)
    leg_m = _leg_length(rig)
    if not LEG_M[0] < leg_m < LEG_M[1]:
        raise InputError(f"{t_pose.where}: a leg is {leg_m:.3g} m long; correct 'unit_m' of its layout")
    followed = [_followed(joint, t_pose.joints) for joint in range(BODY_JOINTS)]
    names = tuple(joint.name.lower() for joint in followed)
    R_body_world = body_from_world(rig[Joint.LEFT_HIP], rig[Joint.RIGHT_HIP])
    q_world_followed = q_world_rig[[t_pose.joints.index(name) for name in names]]
    q_body_rig = product(quaternion_from_matrix(R_body_world), q_world_followed)
    alignments = _alignments(torch.stack([rest, rig @ R_body_world.mT]))
    return Fit(
        followed=names,
        q_rig_joint=product(inverse(q_body_rig), alignments[followed]),
        way=_leg_length(rest) / leg_m,
        p_root_hips=rest[_places(HIPS)].mean(dim=0) - rest[Joint.PELVIS],
        limbs=limbs,
    )


def _followed(joint: int, rig: tuple[str, ...]) -> Joint:
    """The joint itself where the rig has it, or else its nearest ancestor that the rig has."""
    while Joint(joint).name.lower() not in rig:
        joint = PARENTS[joint]
    return Joint(joint)


def _alignments(bodies: Float[Tensor, "2 22 3"]) -> Float[Tensor, "22 4"]:
    """The smallest rotations that take bones of our body at rest to those of the rig in its T-pose.

    `bodies` are the positions of both, in body axes.
    """
    alignments = torch.tensor([1.0, 0.0, 0.0, 0.0]).to(bodies).repeat(BODY_JOINTS, 1)
    alignments[_places(POINTING)] = _smallest_rotations(*_bones(POINTING.values(), bodies))
    feet = _foot_alignments(bodies)
    for part in ("ankle", "foot"):
        alignments[_places(f"{side}_{part}" for side in SIDES)] = feet
    return alignments


def _foot_alignments(bodies: Float[Tensor, "2 22 3"]) -> Float[Tensor, "side 4"]:
    """Soles level from heel to toe, tilted sideways with the shin, pointing where the rig's feet point.

    CMU's skeleton rests with its legs spread by 20° and has no joint that tilts a foot sideways: by the bone
    from ankle to foot alone, people would stand on the edges of their feet.
    """
    flat, frontal = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).to(bodies)
    shins, feet = (
        _bones([(f"{side}_{start}", f"{side}_{end}") for side in SIDES], bodies)
        for start, end in (("knee", "ankle"), ("ankle", "foot"))
    )
    tilt = _smallest_rotations(frontal * shins[0], frontal * shins[1])
    return product(tilt, _smallest_rotations(flat * feet[0], flat * rotated(inverse(tilt), feet[1])))


def _bones(bones: Iterable[tuple[str, str]], bodies: Float[Tensor, "2 22 3"]) -> Float[Tensor, "2 bone 3"]:
    """Vectors from start to end of each bone, in both bodies."""
    starts, ends = zip(*bones, strict=True)
    return bodies[:, _places(ends)] - bodies[:, _places(starts)]


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


def _leg_length(p_joint: Float[Tensor, "22 3"]) -> float:
    """Thigh and shin in metres, the mean of both sides."""
    legs = p_joint[_places(LEGS)].reshape(len(SIDES), 3, 3)
    return float(legs.diff(dim=1).norm(dim=-1).sum()) / len(SIDES)
