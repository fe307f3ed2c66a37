"""A rig: the skeleton of a motion capture file, brought into our names, metres and z up.

Readers turn a file into `RigPoses`; `retarget` turns those into our body.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.config import nearest
from motiongrpo.body.skeleton import BODY_JOINTS, Joint

LEGS_AND_ARMS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
RIG_JOINTS = tuple(joint.name.lower() for joint in Joint if joint < BODY_JOINTS)
NEEDED = ("pelvis", "head", *(f"{side}_{part}" for side in ("left", "right") for part in LEGS_AND_ARMS))

END = ".end"  # in the files' own names: the free end of a joint's chain, `ltoes.end`

Axis = Literal["y", "z"]


@dataclass(frozen=True)
class RigPoses:
    """World orientation and position (metres, z up) of the joints of a rig that have a name of ours."""

    where: str  # names the file in messages
    joints: tuple[str, ...]  # of RIG_JOINTS
    R_world_joint: Float[Tensor, "frame joint 3 3"]
    p_world_joint: Float[Tensor, "frame joint 3"]
    fps: float

    def __len__(self) -> int:
        return len(self.p_world_joint)

    def frames(self, start: int, stop: int) -> "RigPoses":
        """The frames [start, stop)."""
        R, p = self.R_world_joint[start:stop], self.p_world_joint[start:stop]
        return replace(self, R_world_joint=R, p_world_joint=p)

    def travelling(self, share: float) -> "RigPoses":
        """The same poses along a path that is `share` times as long over the floor."""
        hips = (self.position("left_hip") + self.position("right_hip")) / 2
        over_floor = hips * torch.tensor([1.0, 1.0, 0.0]).to(hips)
        return replace(self, p_world_joint=self.p_world_joint + (share - 1) * over_floor[:, None])

    def rotation(self, joint: str) -> Float[Tensor, "frame 3 3"]:
        """R_world_joint of one joint, by our name for it."""
        return self.R_world_joint[:, self.joints.index(joint)]

    def position(self, joint: str) -> Float[Tensor, "frame 3"]:
        """p_world_joint of one joint, metres."""
        return self.p_world_joint[:, self.joints.index(joint)]


@dataclass(frozen=True)
class Chain:
    """Part of a rig, parents first: local rotations, and where each joint sits in its parent (file units)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]  # −1 for the root
    R_parent_joint: Float[Tensor, "frame joint 3 3"]
    t_parent_joint: Float[Tensor, "#frame joint 3"]

    def world(self) -> tuple[Float[Tensor, "frame joint 3 3"], Float[Tensor, "frame joint 3"]]:
        """Forward kinematics: orientation and position of every joint."""
        frames = len(self.R_parent_joint)
        R, p = [self.R_parent_joint[:, 0]], [self.t_parent_joint[:, 0].expand(frames, 3)]
        for joint, parent in list(enumerate(self.parents))[1:]:
            R.append(R[parent] @ self.R_parent_joint[:, joint])
            p.append(p[parent] + (R[parent] @ self.t_parent_joint[:, joint, :, None])[..., 0])
        return torch.stack(R, dim=1), torch.stack(p, dim=1)


def rig_poses(
    chain: Chain, joints: Mapping[str, str], unit_m: float, up: Axis, where: str, fps: float
) -> RigPoses:
    """The poses of the joints named in `joints`, which maps our names to the rig's."""
    R_up, places = upright(up), [chain.names.index(name) for name in joints.values()]
    R, p = chain.world()
    return RigPoses(where, tuple(joints), R_up @ R[:, places], unit_m * p[:, places] @ R_up.T, fps)


def lineage(
    names: Sequence[str], parents: Sequence[int], wanted: Iterable[str]
) -> tuple[list[int], tuple[int, ...]]:
    """Indices of the wanted joints and of all their ancestors, parents first, and their parents among these.

    Faces and fingers are most of a rig, and no motion of theirs is computed.
    """
    kept: set[int] = set()
    for name in wanted:
        joint = names.index(name)
        while joint >= 0:
            kept.add(joint)
            joint = parents[joint]
    order = sorted(kept)
    return order, tuple(order.index(parents[joint]) if parents[joint] >= 0 else -1 for joint in order)


def upright(up: Axis) -> Float[Tensor, "3 3"]:
    """The rotation that takes coordinates with this axis up to z up."""
    y_up = [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
    return torch.tensor(y_up, dtype=torch.float64) if up == "y" else torch.eye(3, dtype=torch.float64)


def check_joint_map(joints: Mapping[str, str]) -> None:
    """Raise ValueError unless the map has our names on its left and everything retargeting needs."""
    for name in joints:
        if name not in RIG_JOINTS:
            raise ValueError(f"'{name}' is not a joint of ours; {nearest(name, list(RIG_JOINTS))}")
    if missing := [name for name in NEEDED if name not in joints]:
        raise ValueError(f"the joint map lacks {', '.join(missing)}")
