"""Trunk, neck and head: what the legs carry along, and a gaze that stays calm above it."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from motiongrpo.motion.sources.synthetic.easing import about
from motiongrpo.motion.sources.synthetic.pelvis import PELVIS_SHARE, UPRIGHT
from motiongrpo.motion.sources.synthetic.stage import Stage

GAZE_AHEAD = 0.35  # s by which the head turns into a bend before the pelvis does
GAZE_FOLLOWS = 0.35  # share of the pitch of the trunk that the head keeps


def trunk_rotations(stage: Stage, R_world_root: Float[ndarray, "frame 3 3"]) -> Float[ndarray, "frame 5 3 3"]:
    """R_parent_joint of the three joints of the spine, which share its bend, of the neck and of the head."""
    spine = _spine_rotation(stage)
    R_world_chest = R_world_root @ spine @ spine @ spine
    neck = _half(R_world_chest.mT @ _head_orientation(stage))
    return np.stack([spine, spine, spine, neck, neck], axis=1)


def _spine_rotation(stage: Stage) -> Float[ndarray, "frame 3 3"]:
    """A third of the bend of the trunk; the shoulders swing against the pelvis."""
    style, posture = stage.style, stage.posture
    pitch = (1 - PELVIS_SHARE) * posture.pitch
    swing = (style.trunk_swing + style.pelvis_swing) * stage.pace * stage.gait.lead(style.arm_lag)
    roll = posture.roll - 0.04 * stage.pace * stage.gait.support()
    return about(1, (posture.yaw + swing) / 3) @ about(0, pitch / 3) @ about(2, roll / 3)


def _head_orientation(stage: Stage) -> Float[ndarray, "frame 3 3"]:
    """R_world_head: towards where the body is about to face, nodding against the bob of the steps."""
    posture = stage.posture
    yaw = stage.path.at(stage.t + GAZE_AHEAD).yaw + posture.gaze_yaw
    pitch = stage.style.gaze_pitch + posture.gaze_pitch + GAZE_FOLLOWS * posture.pitch
    nod = 0.015 * stage.pace * stage.gait.bob(0.2)
    return about(2, yaw) @ UPRIGHT @ about(0, pitch + nod) @ about(2, 0.3 * posture.roll)


def _half(R: Float[ndarray, "frame 3 3"]) -> Float[ndarray, "frame 3 3"]:
    """Half the rotation about the same axis."""
    return Rotation.from_rotvec(Rotation.from_matrix(R).as_rotvec() / 2).as_matrix()
