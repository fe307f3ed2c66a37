"""The lengths of one body that planning and leg inverse kinematics need. Metres.

Offsets are those of the zero pose: x left, y up, z forward. Sides come in the order left, right.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.body.body_model import ShapedBody
from motiongrpo.body.skeleton import Joint

SIDES = (1, -1)  # left, right: the sign of x


class LegJoints(NamedTuple):
    """The four joints of one leg."""

    hip: Joint
    knee: Joint
    ankle: Joint
    foot: Joint


LEGS = tuple(
    LegJoints(*(Joint[f"{side}_{name}"] for name in ("HIP", "KNEE", "ANKLE", "FOOT")))
    for side in ("LEFT", "RIGHT")
)


@dataclass(frozen=True)
class Leg:
    """One leg in the zero pose, every offset from the joint above it."""

    joints: LegJoints
    hip: Float[ndarray, "3"]  # from the pelvis
    thigh: Float[ndarray, "3"]
    shank: Float[ndarray, "3"]
    foot: Float[ndarray, "3"]  # from the ankle to the ball of the foot
    heel_sole: Float[ndarray, "heel 3"]  # sole points fixed to the ankle, from the ankle
    toe_sole: Float[ndarray, "toe 3"]  # sole points fixed to the toes, from the ball

    @property
    def length(self) -> float:
        """Thigh and shank together."""
        return float(np.linalg.norm(self.thigh) + np.linalg.norm(self.shank))


@dataclass(frozen=True)
class Anatomy:
    """What the planner knows of a body."""

    legs: tuple[Leg, Leg]
    pelvis_height: float  # over the soles in the zero pose

    @property
    def leg_length(self) -> float:
        return (self.legs[0].length + self.legs[1].length) / 2


def measure(body: ShapedBody) -> Anatomy:
    """Read the legs of one body off its zero pose."""
    left, right = (_measure_leg(body, joints) for joints in LEGS)
    return Anatomy(legs=(left, right), pelvis_height=float(body.standing_height[Joint.PELVIS]))


def _measure_leg(body: ShapedBody, joints: LegJoints) -> Leg:
    offsets, soles = body.t_parent_joint.double().numpy(), body.p_joint_sole.double().numpy()
    owner = np.array(body.sole_joints)
    return Leg(
        joints=joints,
        hip=offsets[joints.hip],
        thigh=offsets[joints.knee],
        shank=offsets[joints.ankle],
        foot=offsets[joints.foot],
        heel_sole=soles[owner == joints.ankle],
        toe_sole=soles[owner == joints.foot],
    )
