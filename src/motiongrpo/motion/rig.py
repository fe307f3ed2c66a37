"""A rig: the skeleton of a motion capture file, converted to our names, metres and z up.

Readers turn a file into `RigPoses`; `retarget` turns those into poses of our body.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.config import nearest
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.geometry.quaternions import product, rotated

LEGS_AND_ARMS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
RIG_JOINTS = tuple(joint.name.lower() for joint in Joint if joint < BODY_JOINTS)
NEEDED = ("pelvis", "head", *(f"{side}_{part}" for side in ("left", "right") for part in LEGS_AND_ARMS))

END = ".end"  # suffix, after a file's own name, for the free end of a chain: `ltoes.end`

Axis = Literal["y", "z"]


@dataclass(frozen=True)
class RigPoses:
    """World orientation and position (metres, z up) of those joints of a rig that we have, too."""

    where: str  # names the file in messages
    joints: tuple[str, ...]  # of RIG_JOINTS
    q_world_joint: Float[Tensor, "frame joint 4"]
    p_world_joint: Float[Tensor, "frame joint 3"]
    fps: float

    def __len__(self) -> int:
        return len(self.p_world_joint)

    def frames(self, start: int, stop: int) -> "RigPoses":
        """The frames [start, stop)."""
        q, p = self.q_world_joint[start:stop], self.p_world_joint[start:stop]
        return replace(self, q_world_joint=q, p_world_joint=p)

    def travelling(self, share: float) -> "RigPoses":
        """The same poses along a horizontal path that is `share` times as long."""
        hips = (self.position("left_hip") + self.position("right_hip")) / 2
        over_floor = hips * torch.tensor([1.0, 1.0, 0.0]).to(hips)
        return replace(self, p_world_joint=self.p_world_joint + (share - 1) * over_floor[:, None])

    def position(self, joint: str) -> Float[Tensor, "frame 3"]:
        """p_world_joint of one joint, metres."""
        return self.p_world_joint[:, self.joints.index(joint)]


@dataclass(frozen=True)
class Chain:
    """Part of a rig, parents first: local rotations, and each joint's position in its parent (file units)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]  # −1 for the root
    q_parent_joint: Float[Tensor, "frame joint 4"]
    t_parent_joint: Float[Tensor, "frame joint 3"]

    def world(
        self, q_world_file: Float[Tensor, "4"]
    ) -> tuple[Float[Tensor, "frame joint 4"], Float[Tensor, "frame joint 3"]]:
        """Forward kinematics: orientation and position of every joint, rotated into our world."""
        q, t = self.q_parent_joint, self.t_parent_joint
        q_world, p_world = q.clone(), t.clone()
        q_world[:, 0] = product(q_world_file, q[:, 0])
        p_world[:, 0] = rotated(q_world_file, t[:, 0])
        generations = [(joints, [self.parents[j] for j in joints]) for joints in self._generations()]
        for joints, parents in generations:
            q_world[:, joints] = product(q_world[:, parents], q[:, joints])
        p_world[:, 1:] = rotated(q_world[:, list(self.parents[1:])], t[:, 1:])
        for joints, parents in generations:
            p_world[:, joints] += p_world[:, parents]
        return q_world, p_world

    def _generations(self) -> list[list[int]]:
        """The joints below the root, children of the same generation together."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(depth[parent] + 1 if parent >= 0 else 0)
        return [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]


def rig_poses(
    chain: Chain, joints: Mapping[str, str], unit_m: float, up: Axis, where: str, fps: float
) -> RigPoses:
    """The poses of the joints named in `joints`, which maps our names to the rig's."""
    places = [chain.names.index(name) for name in joints.values()]
    q, p = chain.world(upright(up))
    return RigPoses(where, tuple(joints), q[:, places], unit_m * p[:, places], fps)


def lineage(
    names: Sequence[str], parents: Sequence[int], wanted: Iterable[str]
) -> tuple[list[int], tuple[int, ...]]:
    """Indices of the wanted joints and all their ancestors, parents first, and their parents among these.

    Faces and fingers are most of a rig; their motion is not computed.
    """
    kept: set[int] = set()
    for name in wanted:
        joint = names.index(name)
        while joint >= 0:
            kept.add(joint)
            joint = parents[joint]
    order = sorted(kept)
    return order, tuple(order.index(parents[joint]) if parents[joint] >= 0 else -1 for joint in order)


def upright(up: Axis) -> Float[Tensor, "4"]:
    """The rotation, as a quaternion, of coordinates with this axis up into coordinates with z up."""
    quarter_about_x = [math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0]
    return torch.tensor(quarter_about_x if up == "y" else [1.0, 0.0, 0.0, 0.0], dtype=torch.float64)


def check_joint_map(joints: Mapping[str, str]) -> None:
    """Raise ValueError unless the keys of the map are our names and include all that retargeting needs."""
    for name in joints:
        if name not in RIG_JOINTS:
            raise ValueError(f"'{name}' is not a joint of ours; {nearest(name, list(RIG_JOINTS))}")
    if missing := [name for name in NEEDED if name not in joints]:
        raise ValueError(f"the joint map lacks {', '.join(missing)}")
