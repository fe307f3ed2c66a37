"""Trunk, neck, head and arms: they move with the pelvis and the gait, or as planned."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from motiongrpo.motion.sources.synthetic.lower_body import PELVIS_SHARE, UPRIGHT
from motiongrpo.motion.sources.synthetic.plan import ArmAngles
from motiongrpo.motion.sources.synthetic.primitives import about
from motiongrpo.motion.sources.synthetic.subject import SIDES
from motiongrpo.motion.sources.synthetic.timeline import Timeline

GAZE_AHEAD = 0.35  # s by which the head turns into a curve before the pelvis
GAZE_FOLLOWS = 0.35  # share of the trunk's pitch that the head follows
SWING = 0.25  # rad per m/s up to 2 m/s, to either side
RUNNING_SWING = 0.15  # rad more


def trunk_rotations(
    timeline: Timeline, R_world_root: Float[ndarray, "frame 3 3"]
) -> Float[ndarray, "frame 5 3 3"]:
    """R_parent_joint of the three joints of the spine, which share its bend equally, of neck and head."""
    spine = _spine_rotation(timeline)
    R_world_chest = R_world_root @ spine @ spine @ spine
    neck = _half(R_world_chest.mT @ _head_orientation(timeline))
    return np.stack([spine, spine, spine, neck, neck], axis=1)


def _spine_rotation(timeline: Timeline) -> Float[ndarray, "frame 3 3"]:
    """A third of the trunk's bend; the shoulders swing against the pelvis."""
    style, posture = timeline.style, timeline.posture
    pitch = (1 - PELVIS_SHARE) * posture.pitch
    swing = (style.trunk_swing + style.pelvis_swing) * timeline.pace * timeline.gait.lead(style.arm_lag)
    roll = posture.roll - 0.04 * timeline.pace * timeline.gait.support()
    return about(1, (posture.yaw + swing) / 3) @ about(0, pitch / 3) @ about(2, roll / 3)


def _head_orientation(timeline: Timeline) -> Float[ndarray, "frame 3 3"]:
    """R_world_head: towards the coming heading of the body, nodding against the bob of the steps."""
    posture = timeline.posture
    yaw = timeline.path.at(timeline.t + GAZE_AHEAD).yaw + posture.gaze_yaw
    pitch = timeline.style.gaze_pitch + posture.gaze_pitch + GAZE_FOLLOWS * posture.pitch
    nod = 0.015 * timeline.pace * timeline.gait.bob(0.2)
    return about(2, yaw) @ UPRIGHT @ about(0, pitch + nod) @ about(2, 0.3 * posture.roll)


def _half(R: Float[ndarray, "frame 3 3"]) -> Float[ndarray, "frame 3 3"]:
    """Half the rotation about the same axis."""
    return Rotation.from_rotvec(Rotation.from_matrix(R).as_rotvec() / 2).as_matrix()


def arm_angles(side: int, timeline: Timeline) -> ArmAngles:
    """The angles of one arm in every frame: the swing of the gait, replaced by planned changes in turn."""
    angles = np.stack(_swinging_arm(side, timeline), axis=-1)
    for change in timeline.plan.arms:
        if change.side == side:
            weight = change.span.weight(timeline.t)[:, None]
            angles = angles + weight * (np.array(change.angles) - angles)
    return ArmAngles(*angles.T)


def _swinging_arm(side: int, timeline: Timeline) -> ArmAngles:
    """The hanging arm, opposite in phase to the leg of its side; bent, and with a wider swing, in running."""
    sign, style, running = SIDES[side], timeline.style, timeline.planar.running
    amplitude = style.arm_swing * (1 + sign * style.arm_asymmetry)
    amplitude = amplitude * (SWING * np.minimum(timeline.planar.speed, 2.0) + RUNNING_SWING * running)
    swing = -sign * amplitude * timeline.gait.lead(style.arm_lag)
    return ArmAngles(
        flexion=0.03 + swing - 0.15 * running,
        abduction=style.arm_abduction + 0.1 * running,
        twist=0.1 + 0.25 * running,
        elbow=style.elbow + 0.2 * (amplitude + swing) + (1.25 - 0.3 * style.elbow) * running,
        pronation=np.full_like(swing, 0.2),
        wrist=np.full_like(swing, 0.1),
    )


def arm_rotations(side: int, angles: ArmAngles) -> Float[ndarray, "frame 4 3 3"]:
    """R_parent_joint of collar, shoulder, elbow and wrist.

    In the zero pose the arms point sideways and the palms down; the collar moves up and forward with a raised
    arm.
    """
    sign = SIDES[side]
    raised = 0.16 * (1 - np.cos(angles.flexion)) + 0.15 * (1 - np.cos(angles.abduction))
    collar = about(2, sign * raised) @ about(1, -sign * 0.08 * np.sin(angles.flexion))
    hang = sign * (angles.abduction - np.pi / 2)
    shoulder = collar.mT @ about(0, -angles.flexion) @ about(2, hang) @ about(0, angles.twist)
    elbow = about(1, -sign * angles.elbow) @ about(0, angles.pronation)
    wrist = about(2, -sign * angles.wrist)
    return np.stack([collar, shoulder, elbow, wrist], axis=1)
