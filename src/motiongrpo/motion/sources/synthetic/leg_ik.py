"""Legs by inverse kinematics: two bones from hip to ankle, with the knee ahead of the line between them."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.motion.sources.synthetic.anatomy import Leg
from motiongrpo.motion.sources.synthetic.easing import about, rotate
from motiongrpo.motion.sources.synthetic.feet import FootMotion
from motiongrpo.motion.sources.synthetic.foot_roll import toe_bend
from motiongrpo.motion.sources.synthetic.pelvis import UPRIGHT, Pelvis

LEFTWARD = np.array([1.0, 0.0, 0.0])  # the hinge of a knee in the zero pose


def leg_rotations(
    leg: Leg, pelvis: Pelvis, foot: FootMotion, yaw: Float[ndarray, " frame"]
) -> Float[ndarray, "frame 4 3 3"]:
    """R_parent_joint of hip, knee, ankle and foot; the knee points between pelvis (`yaw`) and foot."""
    hip = pelvis.p + rotate(pelvis.R, leg.hip)
    ahead = _direction(yaw) + _direction(foot.yaw)
    thigh, shank, hinge = bend(leg, foot.ankle - hip, ahead)
    R_world_hip = _turn(leg.thigh, thigh, hinge)
    R_world_knee = _turn(leg.shank, shank, hinge)
    R_world_ankle = about(2, foot.yaw) @ UPRIGHT @ about(0, foot.pitch)
    locals_ = [pelvis.R.mT @ R_world_hip, R_world_hip.mT @ R_world_knee, R_world_knee.mT @ R_world_ankle]
    return np.stack([*locals_, about(0, -toe_bend(foot.pitch))], axis=1)


def bend(
    leg: Leg, hip_to_ankle: Float[ndarray, "frame 3"], ahead: Float[ndarray, "frame 3"]
) -> tuple[Float[ndarray, "frame 3"], Float[ndarray, "frame 3"], Float[ndarray, "frame 3"]]:
    """Directions of thigh and shank, and the hinge of the knee to their left, by the law of cosines."""
    thigh, shank = np.linalg.norm(leg.thigh), np.linalg.norm(leg.shank)
    distance = np.linalg.norm(hip_to_ankle, axis=-1, keepdims=True)
    down = hip_to_ankle / distance
    hinge = np.cross(ahead, down)
    hinge /= np.linalg.norm(hinge, axis=-1, keepdims=True)
    cos = (thigh**2 + distance**2 - shank**2) / (2 * thigh * distance)
    thigh_direction = cos * down + np.sqrt(1 - cos**2) * np.cross(down, hinge)
    shank_direction = (hip_to_ankle - thigh * thigh_direction) / shank
    return thigh_direction, shank_direction, hinge


def _direction(yaw: Float[ndarray, " frame"]) -> Float[ndarray, "frame 3"]:
    return np.stack([np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)], axis=-1)


def _turn(
    rest: Float[ndarray, "3"], bone: Float[ndarray, "frame 3"], hinge: Float[ndarray, "frame 3"]
) -> Float[ndarray, "frame 3 3"]:
    """The rotation that takes a bone of the zero pose to a direction, and the hinge of the knee along."""
    rest = rest / np.linalg.norm(rest)
    rest_hinge = LEFTWARD - (LEFTWARD @ rest) * rest
    rest_hinge /= np.linalg.norm(rest_hinge)
    return _basis(bone, hinge) @ _basis(rest, rest_hinge).mT


def _basis(
    bone: Float[ndarray, "*frame 3"], hinge: Float[ndarray, "*frame 3"]
) -> Float[ndarray, "*frame 3 3"]:
    return np.stack([hinge, bone, np.cross(hinge, bone)], axis=-1)
