"""Rigs for retargeting: our own body with other names and axes, as poses and as BVH text."""

import math
import re

import roma
import torch
from torch import Tensor

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.body.kinematics import pose_body
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.geometry.quaternions import inverse, rotated
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import (
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
)
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.rig import RIG_JOINTS, RigPoses, upright
from motiongrpo.motion.sources.mocap.layouts import BVH_LAYOUTS
from tests.bodies import FPS, standing_clip

MODEL = load_body_model(OPEN_BODY)
MEAN_BODY = MODEL.shaped(torch.zeros(16, dtype=torch.float64))
STANDING = matrix_from_rotation_vector(torch.tensor([math.pi / 2, 0.0, 0.0], dtype=torch.float64))


def random_motion(frames: int, seed: int) -> tuple[Tensor, Transform]:
    """Local rotations of 51 joints, hands open, and a root, all far from rest."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(frames, 51, 3, generator=generator, dtype=torch.float64)
    vectors[:, BODY_JOINTS - 1 :] = 0
    root = torch.randn(frames, 3, generator=generator, dtype=torch.float64)
    p = torch.randn(frames, 3, generator=generator, dtype=torch.float64)
    return matrix_from_rotation_vector(vectors), Transform(matrix_from_rotation_vector(root), p)


def still(frames: int) -> tuple[Tensor, Transform]:
    """The zero pose, upright in the world."""
    identity = torch.eye(3, dtype=torch.float64).expand(frames, 51, 3, 3)
    return identity, Transform(STANDING.expand(frames, 3, 3), torch.zeros(frames, 3, dtype=torch.float64))


def rig_poses_of(motion: tuple[Tensor, Transform], R_joint_axes: Tensor | None = None, scale: float = 1.0):
    """Our body as a rig whose joints have other axes, and which is larger by `scale`."""
    rotations, root = motion
    posed = pose_body(MEAN_BODY, rotations, root)
    axes = torch.eye(3, dtype=torch.float64) if R_joint_axes is None else R_joint_axes
    q_world = quaternion_from_matrix(posed.R_world_joint[:, :BODY_JOINTS] @ axes)
    return placed(q_world, scale * posed.p_world_joint[:, :BODY_JOINTS])


def placed(q_world_joint: Tensor, p_world_joint: Tensor) -> RigPoses:
    """A rig with the names and the tree of our joints, wherever these are."""
    parents = list(PARENTS[1:BODY_JOINTS])
    bones = p_world_joint[:, 1:] - p_world_joint[:, parents]
    t_parent_joint = rotated(inverse(q_world_joint[:, parents]), bones)
    return RigPoses(
        where="ours",
        unit_m=1.0,
        joints={name: joint for joint, name in enumerate(RIG_JOINTS)},
        parents=PARENTS[:BODY_JOINTS],
        t_parent_joint=torch.cat([p_world_joint[:, :1], t_parent_joint], dim=1),
        q_world_file=upright("z"),
        q_world_joint=q_world_joint,
    )


def clip_of(q_parent_joint: Tensor, T_world_root: Tensor, fps: float = 60.0) -> Clip:
    """A clip of which only the motion matters."""
    betas = torch.zeros(16).to(T_world_root)
    return Clip("clip", "test", "somebody", "", "none", fps, betas, q_parent_joint, T_world_root)


def bvh_text(motion: tuple[Tensor, Transform], fps: float, unit_m: float, order: str = "ZXY") -> str:
    """Our 22 joints as BVH, y up, each named X_ and its name; positions and angles to 9 digits."""
    rotations, root = motion
    lines = ["HIERARCHY", *_hierarchy(0, unit_m, order), "MOTION", f"Frames: {len(rotations)}"]
    lines.append(f"Frame Time: {1 / fps:.9f}")
    R_root = STANDING.T @ root.R
    local = torch.cat([R_root[:, None], rotations[:, : BODY_JOINTS - 1]], dim=1)
    angles = torch.stack(list(roma.rotmat_to_euler(order, local, degrees=True, as_tuple=True)), dim=-1)
    p = root.p @ STANDING / unit_m
    order_of_joints = _depth_first(0)
    for frame in range(len(rotations)):
        numbers = [*p[frame].tolist(), *angles[frame, order_of_joints].flatten().tolist()]
        lines.append(" ".join(f"{number:.9f}" for number in numbers))
    return "\n".join(lines) + "\n"


def _children(joint: int) -> list[int]:
    return [child for child in range(BODY_JOINTS) if PARENTS[child] == joint]


def _depth_first(joint: int) -> list[int]:
    return [joint, *(below for child in _children(joint) for below in _depth_first(child))]


def _hierarchy(joint: int, unit_m: float, order: str) -> list[str]:
    offset = MEAN_BODY.t_parent_joint[joint] / unit_m if joint else torch.zeros(3)
    rotations = " ".join(f"{axis}rotation" for axis in order)
    positions = "Xposition Yposition Zposition " if joint == 0 else ""
    lines = [
        f"{'JOINT' if joint else 'ROOT'} X_{Joint(joint).name.lower()}",
        "{",
        "OFFSET " + " ".join(f"{number:.9f}" for number in offset.tolist()),
        f"CHANNELS {3 if joint else 6} {positions}{rotations}",
    ]
    for child in _children(joint):
        lines += _hierarchy(child, unit_m, order)
    if not _children(joint):
        lines += ["End Site", "{", "OFFSET 0 0 1", "}"]
    return [*lines, "}"]


def cmu_take(frames: int = 60) -> str:
    """A BVH file like CMU's: a person stands and lowers an arm. 30 fps."""
    clip, layout = standing_clip(frames), BVH_LAYOUTS["motionbuilder"]
    motion = matrix_from_quaternion(clip.q_parent_joint), Transform.from_wxyz_xyz(clip.T_world_root)
    text = bvh_text(motion, FPS, layout.unit_m)
    return re.sub(r"X_(\w+)", lambda name: layout.joints[name[1]], text)
