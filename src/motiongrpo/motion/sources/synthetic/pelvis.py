"""The pelvis: over the guide, swaying and bobbing with the steps, never higher than the legs reach."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicHermiteSpline
from scipy.ndimage import convolve1d, maximum_filter1d

from motiongrpo.motion.sources.synthetic.easing import about, rotate
from motiongrpo.motion.sources.synthetic.feet import FootMotion
from motiongrpo.motion.sources.synthetic.score import TIPTOE, Hop
from motiongrpo.motion.sources.synthetic.stage import Stage

UPRIGHT = about(2, np.array(np.pi / 2)) @ about(0, np.array(np.pi / 2))  # a body that faces world +x
STRAIGHTEST = 0.993  # of the leg length: a knee bent by 14°
REACH_WINDOW = 0.2  # s over which the pelvis gives way to what the legs cannot reach
WALK_BOB, RUN_BOB = 0.022, 0.045  # leg lengths that the pelvis rises above and falls below its mean
WALK_SINK, RUN_SINK = 0.02, 0.03  # leg lengths that the mean is lower than in standing
LIST = 0.05  # rad that the hip of the swinging leg drops in a brisk walk
PELVIS_SHARE = 0.45  # of the pitch of the trunk that the hips take; the spine takes the rest


@dataclass(frozen=True)
class Pelvis:
    """The pelvis joint in the world, metres."""

    R: Float[ndarray, "frame 3 3"]
    p: Float[ndarray, "frame 3"]


def move_pelvis(stage: Stage, feet: tuple[FootMotion, FootMotion]) -> Pelvis:
    """The pelvis where posture and gait want it, lowered smoothly wherever a leg would not reach."""
    R, p = _orientation(stage), _nominal_position(stage)
    excess = np.zeros(len(p))
    for leg, foot in zip(stage.anatomy.legs, feet, strict=True):
        hip = p + rotate(R, leg.hip)
        gap = np.linalg.norm((foot.ankle - hip)[:, :2], axis=-1)
        reach = np.sqrt((STRAIGHTEST * leg.length) ** 2 - gap**2)
        excess = np.maximum(excess, hip[:, 2] - foot.ankle[:, 2] - reach)
    p[:, 2] -= _smooth_cover(excess, stage.t)
    return Pelvis(R, p)


def jump_height(hops: tuple[Hop, ...], t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """Rise of the pelvis in metres by jumps: crouch, constant acceleration, free fall, crouch, stand.

    A cubic Hermite piece with these ends is the parabola where there is one.
    """
    times, heights, speeds = [-2.0], [0.0], [0.0]
    for hop in hops:
        bottom, stop = hop.takeoff - hop.push, hop.landing + hop.push
        times += [bottom - 0.5, bottom, hop.takeoff, hop.landing, stop, stop + 0.6]
        heights += [0.0, -hop.crouch, TIPTOE, TIPTOE, -hop.crouch, 0.0]
        speeds += [0.0, 0.0, hop.speed, -hop.speed, 0.0, 0.0]
    times, heights, speeds = [*times, times[-1] + 1.0], [*heights, 0.0], [*speeds, 0.0]
    return CubicHermiteSpline(times, heights, speeds)(np.minimum(t, times[-1]))


def _orientation(stage: Stage) -> Float[ndarray, "frame 3 3"]:
    """R_world_root: the hip of the leg ahead goes with it, the hip of the swinging leg drops."""
    turn = -stage.style.pelvis_swing * stage.pace * stage.gait.lead(0.0)
    drop = LIST * stage.pace * stage.gait.support()
    pitch = PELVIS_SHARE * stage.posture.pitch
    return about(2, stage.guide.yaw) @ UPRIGHT @ about(1, turn) @ about(0, pitch) @ about(2, drop)


def _nominal_position(stage: Stage) -> Float[ndarray, "frame 3"]:
    """Where the pelvis would be if legs could stretch."""
    style, guide, posture = stage.style, stage.guide, stage.posture
    length, walking = stage.anatomy.leg_length, 1 - guide.running
    bob = WALK_BOB * stage.pace * walking * stage.gait.bob(0.08) + RUN_BOB * guide.running * stage.gait.bob(
        0.37
    )
    sink = style.knee_bend + WALK_SINK * stage.pace * stage.gait.stepping + RUN_SINK * guide.running
    height = stage.anatomy.pelvis_height + length * (style.bounce * bob - sink - posture.drop)
    ahead = -length * posture.back
    aside = length * posture.aside + (style.step_width / 4 + 0.01) * stage.gait.support()
    cos, sin = np.cos(guide.yaw), np.sin(guide.yaw)
    xy = guide.xy + np.stack([ahead * cos - aside * sin, ahead * sin + aside * cos], axis=-1)
    return np.column_stack([xy, height + jump_height(stage.score.hops, stage.t)])


def _smooth_cover(excess: Float[ndarray, " frame"], t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """A smooth curve nowhere below `excess`: its running maximum, averaged over the same window."""
    half = max(1, round(REACH_WINDOW / 2 / (t[1] - t[0])))
    window = np.hanning(2 * half + 3)[1:-1]
    highest = maximum_filter1d(excess, size=2 * half + 1, mode="nearest")
    return convolve1d(highest, window / window.sum(), mode="nearest")
