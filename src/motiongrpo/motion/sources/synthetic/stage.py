"""The stage: what every part of the body goes by in each frame, worked out once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.motion.sources.synthetic.anatomy import Anatomy
from motiongrpo.motion.sources.synthetic.footsteps import Step, plan_steps
from motiongrpo.motion.sources.synthetic.gait import Gait, rhythm
from motiongrpo.motion.sources.synthetic.guide import Guide, GuideState, integrate
from motiongrpo.motion.sources.synthetic.score import Posture, Score, posture_at
from motiongrpo.motion.sources.synthetic.style import Style

BRISK = 1.4  # m/s, where pace is 1


@dataclass(frozen=True)
class Stage:
    """A score, a style and a path, read at the times of the frames."""

    t: Float[ndarray, " frame"]  # s, not negative
    score: Score
    style: Style
    anatomy: Anatomy
    path: Guide
    guide: GuideState
    steps: tuple[Step, ...]
    gait: Gait
    posture: Posture

    @property
    def pace(self) -> Float[ndarray, " frame"]:
        """Speed as a share of a brisk walk, to which the swing of limbs is proportional up to a run."""
        return np.minimum(self.guide.speed / BRISK, 1.5)


def set_stage(
    score: Score, style: Style, anatomy: Anatomy, t: Float[ndarray, " frame"], yaw_0: float
) -> Stage:
    """Everything before the first joint; the path begins at the origin, facing `yaw_0`."""
    path = integrate(score.travels, score.stop, yaw_0)
    steps = plan_steps(score, path, style)
    guide, gait = path.at(t), rhythm(steps, t)
    posture = posture_at(score.postures, t)
    lean = style.lean + 0.02 * guide.speed * gait.stepping + 0.12 * guide.running
    posture = posture._replace(pitch=posture.pitch + lean)
    return Stage(t, score, style, anatomy, path, guide, steps, gait, posture)
