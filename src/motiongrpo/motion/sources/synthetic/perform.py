"""The score performed by one body: every joint in every frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.body.skeleton import JOINTS, Joint
from motiongrpo.motion.sources.synthetic.arms import arm_angles, arm_rotations
from motiongrpo.motion.sources.synthetic.feet import FootMotion, move_foot
from motiongrpo.motion.sources.synthetic.footsteps import footfalls
from motiongrpo.motion.sources.synthetic.leg_ik import leg_rotations
from motiongrpo.motion.sources.synthetic.pelvis import Pelvis, move_pelvis
from motiongrpo.motion.sources.synthetic.stage import Stage
from motiongrpo.motion.sources.synthetic.upper_body import trunk_rotations

TRUNK = (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3, Joint.NECK, Joint.HEAD)
ARMS = tuple(
    tuple(Joint[f"{side}_{name}"] for name in ("COLLAR", "SHOULDER", "ELBOW", "WRIST"))
    for side in ("LEFT", "RIGHT")
)


@dataclass(frozen=True)
class Performance:
    """One body doing what a score says, frame by frame."""

    stage: Stage
    R_parent_joint: Float[ndarray, "frame 51 3 3"]
    pelvis: Pelvis
    feet: tuple[FootMotion, FootMotion]


def perform(stage: Stage, rng: np.random.Generator) -> Performance:
    """The body in every frame of the stage; fingers stay as they are in the zero pose."""
    left, right = (_foot(side, stage, rng) for side in range(2))
    pelvis = move_pelvis(stage, (left, right))
    R = np.broadcast_to(np.eye(3), (len(stage.t), JOINTS, 3, 3)).copy()
    for leg, foot in zip(stage.anatomy.legs, (left, right), strict=True):
        R[:, list(leg.joints)] = leg_rotations(leg, pelvis, foot, stage.guide.yaw)
    R[:, list(TRUNK)] = trunk_rotations(stage, pelvis.R)
    for side, joints in enumerate(ARMS):
        R[:, list(joints)] = arm_rotations(side, arm_angles(side, stage))
    return Performance(stage, R[:, 1:], pelvis, (left, right))


def _foot(side: int, stage: Stage, rng: np.random.Generator) -> FootMotion:
    falls = footfalls(stage.steps, side, stage.path, stage.style, rng)
    return move_foot(stage.anatomy.legs[side], falls, stage.t)
