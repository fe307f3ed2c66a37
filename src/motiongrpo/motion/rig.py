"""A rig: the skeleton of a motion capture file, converted to our names, metres and z up.

Readers turn a file into `RigPoses`; `retarget.Fit` turns those into our body.
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

HIPS = ("left_hip", "right_hip")

END = ".end"  # suffix, after a file's own name, for the free end of a chain: `ltoes.end`

Axis = Literal["y", "z"]


@dataclass(frozen=True)
class Chain:
    """Part of a rig, parents first: local rotations, and each joint's position in its parent (file units)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]  # −1 for the root
    q_parent_joint: Float[Tensor, "frame joint 4"]
    t_parent_joint: Float[Tensor, "frame joint 3"]

    def orientations(self, q_world_file: Float[Tensor, "4"]) -> Float[Tensor, "frame joint 4"]:
        """q_world_joint of every joint, by forward kinematics, rotated into our world."""
        q_world = self.q_parent_joint.clone()
        q_world[:, 0] = product(q_world_file, q_world[:, 0])
        for joints in self._generations():
            parents = [self.parents[joint] for joint in joints]
            q_world[:, joints] = product(q_world[:, parents], q_world[:, joints])
        return q_world

    def _generations(self) -> list[list[int]]:
        """The joints below the root, children of the same generation together."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(depth[parent] + 1 if parent >= 0 else 0)
        return [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]


@dataclass(frozen=True)
class RigPoses:
    """The poses of a rig in a world with z up, by our names of its joints.

    Positions are summed when they are asked for: of a whole take only those of the hips matter.
    """

    where: str  # names the file in messages
    unit_m: float
    joints: Mapping[str, int]  # by our name (RIG_JOINTS), the index among all joints
    parents: tuple[int, ...]  # of all joints, −1 for the root
    t_parent_joint: Float[Tensor, "frame joint 3"]  # file units
    q_world_file: Float[Tensor, "4"]
    q_world_joint: Float[Tensor, "frame joint 4"]

    def __len__(self) -> int:
        return len(self.q_world_joint)

    def frames(self, start: int, stop: int) -> "RigPoses":
        """The frames [start, stop)."""
        t, q = self.t_parent_joint[start:stop], self.q_world_joint[start:stop]
        return replace(self, t_parent_joint=t, q_world_joint=q)

    def at_zero_angles(self, up: Axis) -> "RigPoses":
        """The first frame with every angle at zero, its root at the origin, and this axis of the file up."""
        q, t = upright(up), self.t_parent_joint[:1].clone()
        t[:, 0] = 0.0
        q_world_joint = q.expand_as(self.q_world_joint[:1])
        return replace(self, t_parent_joint=t, q_world_file=q, q_world_joint=q_world_joint)

    def orientations(self, names: Iterable[str]) -> Float[Tensor, "frame joint 4"]:
        """q_world_joint of the named joints."""
        return self.q_world_joint[:, [self.joints[name] for name in names]]

    def positions(self, names: Iterable[str]) -> Float[Tensor, "frame joint 3"]:
        """p_world_joint of the named joints, metres."""
        ways = [ancestry(self.parents, self.joints[name]) for name in names]
        passed = sorted(set().union(*ways))
        above = self.q_world_joint[:, [self.parents[joint] for joint in passed[1:]]]
        q_world_parent = torch.cat([self.q_world_file.expand(len(self), 1, 4), above], dim=1)
        steps = rotated(q_world_parent, self.t_parent_joint[:, passed]).permute(2, 1, 0)
        takes = torch.tensor([[joint in way for joint in passed] for way in ways]).to(steps)
        return self.unit_m * (takes @ steps).permute(2, 1, 0)


def rig_poses(chain: Chain, joints: Mapping[str, str], unit_m: float, up: Axis, where: str) -> RigPoses:
    """The poses of a chain whose joints have our names by `joints`, which maps these to the rig's."""
    places = {ours: chain.names.index(name) for ours, name in joints.items()}
    q, t = upright(up), chain.t_parent_joint
    return RigPoses(where, unit_m, places, chain.parents, t, q, chain.orientations(q))


def lineage(parents: Sequence[int], wanted: Iterable[int]) -> tuple[list[int], tuple[int, ...]]:
    """The wanted joints and all their ancestors, parents first, and the index of each parent among these.

    Faces and fingers are most of a rig; their motion is not computed.
    """
    order = sorted(set().union(*(ancestry(parents, joint) for joint in wanted)))
    return order, tuple(order.index(parents[joint]) if parents[joint] >= 0 else -1 for joint in order)


def ancestry(parents: Sequence[int], joint: int) -> set[int]:
    """A joint and all its ancestors."""
    found = set()
    while joint >= 0:
        found.add(joint)
        joint = parents[joint]
    return found


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
