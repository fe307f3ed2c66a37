"""Arms: swinging with the gait, or held as the score says."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.motion.sources.synthetic.anatomy import SIDES
from motiongrpo.motion.sources.synthetic.easing import about
from motiongrpo.motion.sources.synthetic.score import ArmAngles
from motiongrpo.motion.sources.synthetic.stage import Stage

SWING = 0.25  # rad for each m/s up to 2, to either side
RUNNING_SWING = 0.15  # rad more


def arm_angles(side: int, stage: Stage) -> ArmAngles:
    """The angles of one arm in every frame: the swing of the gait, then each change over it in turn."""
    angles = np.stack(_swinging_arm(side, stage), axis=-1)
    for change in stage.score.arms:
        if change.side == side:
            weight = change.span.weight(stage.t)[:, None]
            angles = angles + weight * (np.array(change.angles) - angles)
    return ArmAngles(*angles.T)


def _swinging_arm(side: int, stage: Stage) -> ArmAngles:
    """The hanging arm, opposite in phase to the leg of its side; bent, and swung wider, in running."""
    sign, style, running = SIDES[side], stage.style, stage.guide.running
    amplitude = style.arm_swing * (1 + sign * style.arm_asymmetry)
    amplitude = amplitude * (SWING * np.minimum(stage.guide.speed, 2.0) + RUNNING_SWING * running)
    swing = -sign * amplitude * stage.gait.lead(style.arm_lag)
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

    In the zero pose the arms point sideways and the palms down; the collar lifts and comes forward
    with a raised arm.
    """
    sign = SIDES[side]
    raised = 0.16 * (1 - np.cos(angles.flexion)) + 0.15 * (1 - np.cos(angles.abduction))
    collar = about(2, sign * raised) @ about(1, -sign * 0.08 * np.sin(angles.flexion))
    hang = sign * (angles.abduction - np.pi / 2)
    shoulder = collar.mT @ about(0, -angles.flexion) @ about(2, hang) @ about(0, angles.twist)
    elbow = about(1, -sign * angles.elbow) @ about(0, angles.pronation)
    wrist = about(2, -sign * angles.wrist)
    return np.stack([collar, shoulder, elbow, wrist], axis=1)
