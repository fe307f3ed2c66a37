"""A subject of synthetic motion: the lengths of its body, and habits of movement that all its clips share.

Lengths are in metres; offsets are those of the zero pose: x left, y up, z forward. Sides are in the order
left, right.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import ndtr, ndtri

from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, ShapedBody
from motiongrpo.body.skeleton import Joint

SIDES = (1, -1)  # left, right: the sign of x
WIDEST_SHAPE = 2.0  # standard deviations of a shape coefficient
AVERAGE_LEG = 0.84  # m


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
    """One leg in the zero pose; every offset is from the joint above."""

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
    """The lengths of one body that planning and inverse kinematics need."""

    legs: tuple[Leg, Leg]
    pelvis_height: float  # above the soles in the zero pose

    @property
    def leg_length(self) -> float:
        return (self.legs[0].length + self.legs[1].length) / 2


def measure(body: ShapedBody) -> Anatomy:
    """The anatomy of one body, measured in its zero pose."""
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


@dataclass(frozen=True)
class Style:
    """A subject's shape and habits. Metres, seconds and radians; a factor of 1 is the average person's."""

    betas: Float[ndarray, " 16"]
    pace: float  # m/s, comfortable walking
    cadence: float  # factor on the number of steps per second
    step_width: float  # m between the feet when walking
    stand_width: float  # m between the feet when standing
    toe_out: float  # outward angle of each foot
    foot_roll: float  # factor on the pitch of heel strike and toe-off
    bounce: float  # factor on the rise and fall of the pelvis
    pelvis_swing: float  # rotation of the pelvis with a step
    trunk_swing: float  # rotation of the shoulders against it
    lean: float  # of the trunk, forwards
    arm_swing: float  # factor on the swing of the arms
    arm_lag: float  # delay of the arms behind the legs, in steps
    arm_asymmetry: float  # share by which the left arm swings wider than the right
    arm_abduction: float  # of the hanging arm
    elbow: float  # bend of the hanging arm
    gaze_pitch: float  # of the head at ease, downwards
    knee_bend: float  # share of the leg length lost by bent knees when standing

    def on_legs(self, leg_length: float) -> "Style":
        """The same habits, with the cadence scaled as a pendulum of the length of the legs (metres)."""
        return replace(self, cadence=self.cadence * np.sqrt(AVERAGE_LEG / leg_length))


def draw_style(rng: np.random.Generator) -> Style:
    """A subject at random: shape coefficients normal within WIDEST_SHAPE, habits uniform."""
    widest = ndtr(WIDEST_SHAPE)
    u = rng.uniform
    return Style(
        betas=ndtri(u(1 - widest, widest, SHAPE_COEFFICIENTS)),
        pace=u(0.9, 1.6),
        cadence=u(0.93, 1.07),
        step_width=u(0.07, 0.15),
        stand_width=u(0.16, 0.32),
        toe_out=u(0.0, 0.22),
        foot_roll=u(0.85, 1.05),
        bounce=u(0.8, 1.25),
        pelvis_swing=u(0.05, 0.13),
        trunk_swing=u(0.04, 0.14),
        lean=u(0.0, 0.08),
        arm_swing=u(0.5, 1.4),
        arm_lag=u(0.0, 0.12),
        arm_asymmetry=u(-0.25, 0.25),
        arm_abduction=u(0.08, 0.22),
        elbow=u(0.12, 0.45),
        gaze_pitch=u(-0.05, 0.2),
        knee_bend=u(0.004, 0.012),
    )
