"""Pelvis and legs: the pelvis follows the path and sways with the gait, and legs connect it to the feet.

The pelvis is never higher than the legs allow. Legs are solved by two-bone inverse kinematics, with the knee
ahead of the line from hip to ankle.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicHermiteSpline
from scipy.ndimage import convolve1d, maximum_filter1d

from motiongrpo.motion.sources.synthetic.feet import FootMotion, toe_bend
from motiongrpo.motion.sources.synthetic.plan import TIPTOE, Hop
from motiongrpo.motion.sources.synthetic.primitives import about, from_heading, rotate
from motiongrpo.motion.sources.synthetic.subject import Leg
from motiongrpo.motion.sources.synthetic.timeline import Timeline

UPRIGHT = about(2, np.array(np.pi / 2)) @ about(0, np.array(np.pi / 2))  # of a body that faces world +x
STRAIGHTEST = 0.993  # of the leg length: a knee bent by 14°
REACH_WINDOW = 0.2  # s over which the pelvis is lowered where a leg cannot reach
WALK_BOB, RUN_BOB = 0.022, 0.045  # leg lengths by which the pelvis rises above and falls below its mean
WALK_SINK, RUN_SINK = 0.02, 0.03  # leg lengths by which the mean is lower than in standing
LIST = 0.05  # rad by which the hip of the swinging leg drops in a brisk walk
PELVIS_SHARE = 0.45  # of the pitch of the trunk, made by the hips; the spine makes the rest
LEFTWARD = np.array([1.0, 0.0, 0.0])  # the hinge of a knee in the zero pose


@dataclass(frozen=True)
class Pelvis:
    """The pelvis joint in the world, metres."""

    R: Float[ndarray, "frame 3 3"]
    p: Float[ndarray, "frame 3"]


def move_pelvis(timeline: Timeline, feet: tuple[FootMotion, FootMotion]) -> Pelvis:
    """The nominal pelvis of posture and gait, lowered smoothly where a leg would not reach its foot."""
    R, p = _orientation(timeline), _nominal_position(timeline)
    excess = np.zeros(len(p))
    for leg, foot in zip(timeline.anatomy.legs, feet, strict=True):
        hip = p + rotate(R, leg.hip)
        gap = np.linalg.norm((foot.ankle - hip)[:, :2], axis=-1)
        reach = np.sqrt((STRAIGHTEST * leg.length) ** 2 - gap**2)
        excess = np.maximum(excess, hip[:, 2] - foot.ankle[:, 2] - reach)
    p[:, 2] -= _smooth_cover(excess, timeline.t)
    return Pelvis(R, p)


def jump_height(hops: tuple[Hop, ...], t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """Rise of the pelvis by jumps, in metres: crouch, constant acceleration, free fall, crouch, stand.

    With these ends, the cubic Hermite pieces of acceleration and free fall are parabolas.
    """
    times, heights, speeds = [-2.0], [0.0], [0.0]
    for hop in hops:
        bottom, stop = hop.takeoff - hop.push, hop.landing + hop.push
        times += [bottom - 0.5, bottom, hop.takeoff, hop.landing, stop, stop + 0.6]
        heights += [0.0, -hop.crouch, TIPTOE, TIPTOE, -hop.crouch, 0.0]
        speeds += [0.0, 0.0, hop.speed, -hop.speed, 0.0, 0.0]
    times, heights, speeds = [*times, times[-1] + 1.0], [*heights, 0.0], [*speeds, 0.0]
    return CubicHermiteSpline(times, heights, speeds)(np.minimum(t, times[-1]))


def _orientation(timeline: Timeline) -> Float[ndarray, "frame 3 3"]:
    """R_world_root: the pelvis turns with the leg ahead, and lists towards the swinging leg."""
    turn = -timeline.style.pelvis_swing * timeline.pace * timeline.gait.lead(0.0)
    drop = LIST * timeline.pace * timeline.gait.support()
    pitch = PELVIS_SHARE * timeline.posture.pitch
    return about(2, timeline.planar.yaw) @ UPRIGHT @ about(1, turn) @ about(0, pitch) @ about(2, drop)


def _nominal_position(timeline: Timeline) -> Float[ndarray, "frame 3"]:
    """Position of the pelvis by path, posture and gait, regardless of the reach of the legs."""
    style, planar, posture = timeline.style, timeline.planar, timeline.posture
    length, walking = timeline.anatomy.leg_length, 1 - planar.running
    walk_bob = WALK_BOB * timeline.pace * walking * timeline.gait.bob(0.08)
    bob = walk_bob + RUN_BOB * planar.running * timeline.gait.bob(0.37)
    sink = style.knee_bend + WALK_SINK * timeline.pace * timeline.gait.stepping + RUN_SINK * planar.running
    height = timeline.anatomy.pelvis_height + length * (style.bounce * bob - sink - posture.drop)
    ahead = -length * posture.back
    aside = length * posture.aside + (style.step_width / 4 + 0.01) * timeline.gait.support()
    xy = planar.xy + from_heading(ahead, aside, planar.yaw)
    return np.column_stack([xy, height + jump_height(timeline.plan.hops, timeline.t)])


def _smooth_cover(excess: Float[ndarray, " frame"], t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """A smooth curve nowhere below `excess`: its running maximum, averaged over the same window."""
    half = max(1, round(REACH_WINDOW / 2 / (t[1] - t[0])))
    window = np.hanning(2 * half + 3)[1:-1]
    highest = maximum_filter1d(excess, size=2 * half + 1, mode="nearest")
    return convolve1d(highest, window / window.sum(), mode="nearest")


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
    """Directions of thigh and shank, and the axis of the knee, to their left, by the law of cosines."""
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
    """The rotation that takes a bone of the zero pose to a direction, and the knee's axis with it."""
    rest = rest / np.linalg.norm(rest)
    rest_hinge = LEFTWARD - (LEFTWARD @ rest) * rest
    rest_hinge /= np.linalg.norm(rest_hinge)
    return _basis(bone, hinge) @ _basis(rest, rest_hinge).mT


def _basis(
    bone: Float[ndarray, "*frame 3"], hinge: Float[ndarray, "*frame 3"]
) -> Float[ndarray, "*frame 3 3"]:
    return np.stack([hinge, bone, np.cross(hinge, bone)], axis=-1)
