"""The T-pose in which a rig is measured: upright, legs and arms straight, arms ideally held out."""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.shapes import Points, Rotations
from motiongrpo.motion.rig import HIPS, RigPoses

SIDES = ("left", "right")
LIMBS = tuple(
    (f"{side}_{start}", f"{side}_{end}")
    for side in SIDES
    for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
"""The bones of arms and legs, each before the one below it."""

LIMB_JOINTS = tuple(dict.fromkeys(joint for limb in LIMBS for joint in limb))
_STARTS, _ENDS = ([LIMB_JOINTS.index(limb[end]) for limb in LIMBS] for end in (0, 1))

STRAIGHT = torch.pi / 6  # largest bend of a knee or elbow in a T-pose; rigs for games rest slightly bent
SPREAD = torch.pi / 4  # largest angle of a leg to the vertical
LIKE = torch.pi / 7  # largest angle between a limb in two T-poses of one rig


def body_from_world(left_hip: Points, right_hip: Points) -> Rotations:
    """The rotation from the world to axes fixed to the hips: x to their left, y up, z forward."""
    across = left_hip - right_hip
    up = torch.tensor([0.0, 0.0, 1.0]).to(across).expand_as(across)
    left = torch.nn.functional.normalize(across * torch.tensor([1.0, 1.0, 0.0]).to(across), dim=-1)
    return torch.stack([left, up, torch.linalg.cross(left, up)], dim=-2)


def limb_directions(p_world_joint: Float[Tensor, "*frame 12 3"]) -> Float[Tensor, "*frame 8 3"]:
    """Unit vectors along LIMBS from the positions of LIMB_JOINTS, in axes fixed to the hips."""
    left_hip, right_hip = (p_world_joint[..., LIMB_JOINTS.index(hip), :] for hip in HIPS)
    bones = p_world_joint[..., _ENDS, :] - p_world_joint[..., _STARTS, :]
    return torch.nn.functional.normalize(bones @ body_from_world(left_hip, right_hip).mT, dim=-1)


def check_t_pose(limbs: Float[Tensor, "8 3"], where: str) -> None:
    """Raise InputError unless the limbs are those of an upright person with straight legs and arms."""
    bends = _angle(limbs[::2], limbs[1::2]).tolist()
    leans = _angle(limbs[::2], torch.tensor([0.0, -1.0, 0.0]).to(limbs)).tolist()
    for (upper, _), (joint, _), bend, lean in zip(LIMBS[::2], LIMBS[1::2], bends, leans, strict=True):
        leans_too_much = "hip" in upper and lean > SPREAD
        if bend > STRAIGHT or leans_too_much:
            wrong = (
                f"{joint} is bent by {bend:.1f} rad"
                if bend > STRAIGHT
                else f"{upper} leans by {lean:.1f} rad"
            )
            raise InputError(f"{where}: no T-pose, its {wrong}; name another in 't_pose' or 'rest_takes'")


def starts_in_t_pose(poses: RigPoses, limbs: Float[Tensor, "8 3"]) -> bool:
    """Whether the first frame is a T-pose put in front of a take, and not a part of it.

    `limbs` are the directions in the rig's T-pose. A subject that stands in a T-pose does not leave it
    between two frames.
    """
    if len(poses) < 2:
        return False
    off = _angle(limb_directions(poses.frames(0, 2).positions(LIMB_JOINTS)), limbs).amax(dim=-1)
    return bool(off[0] < LIKE < off[1] - off[0])


def _angle(a: Float[Tensor, "*batch 3"], b: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*batch"]:
    """The angle between unit vectors, in radians."""
    return torch.acos((a * b).sum(dim=-1).clamp(-1.0, 1.0))
