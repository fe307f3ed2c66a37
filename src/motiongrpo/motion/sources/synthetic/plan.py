"""Plans: which activities follow each other, what idle arms hold meanwhile, and the small moves between."""

import numpy as np

from motiongrpo.motion.sources.synthetic.activities import STATIONARY
from motiongrpo.motion.sources.synthetic.easing import Span
from motiongrpo.motion.sources.synthetic.score import (
    Activity,
    ArmAngles,
    ArmChange,
    Posture,
    PostureChange,
    Score,
)
from motiongrpo.motion.sources.synthetic.style import Style
from motiongrpo.motion.sources.synthetic.travel import MOVING, draw_bout

MOVING_SHARE = 0.55  # of the choices between going somewhere and staying
HELD_SHARE = 0.35  # of arms that hold something for part of a clip

HELD_ARMS = (
    ArmAngles(0.55, 0.15, 0.35, 2.0, 0.6, 0.0),  # a telephone to look at
    ArmAngles(0.9, 0.35, 0.0, 2.3, 0.2, 0.1),  # a hand to the ear
    ArmAngles(0.25, 0.15, 0.15, 1.5, -0.3, 0.0),  # a tray
    ArmAngles(-0.25, 0.65, 0.5, 1.5, 0.3, 0.3),  # a hand on the hip
    ArmAngles(-0.15, 0.2, 0.25, 0.75, 0.2, 0.0),  # a hand in the pocket
    ArmAngles(-0.35, 0.15, 0.95, 1.0, 0.8, 0.0),  # a hand behind the back
    ArmAngles(0.55, 0.1, 1.0, 1.75, 0.4, 0.0),  # an arm across the chest
    ArmAngles(0.0, 0.25, 0.0, 0.05, 0.1, 0.0),  # a bag, hanging straight
)


def draw_score(
    activities: tuple[Activity, ...], until: float, style: Style, rng: np.random.Generator
) -> Score:
    """Activities one after the other from time 0 until at least `until` seconds."""
    moving: list[Activity] = [activity for activity in activities if activity in MOVING]
    staying: list[Activity] = [activity for activity in activities if activity not in MOVING]
    score = Score(postures=_fidgets(until, rng), arms=_held_arms(until, rng))
    time = 0.0
    while time < until:
        if moving and (not staying or rng.random() < MOVING_SHARE):
            score += draw_bout(time, moving, style, rng)
        else:
            score += STATIONARY[staying[rng.integers(len(staying))]](time, rng)
        time = score.stop + rng.uniform(0.2, 0.5)
    return score


def _held_arms(until: float, rng: np.random.Generator) -> tuple[ArmChange, ...]:
    """Arms that do not swing, which nothing in the motion of the head gives away."""
    changes = []
    for side in range(2):
        if rng.random() < HELD_SHARE:
            start = rng.uniform(-2.0, 0.5 * until)
            span = Span(start, 0.8, start + rng.uniform(2.0, until + 2.0), 0.8)
            held = np.array(HELD_ARMS[rng.integers(len(HELD_ARMS))])
            changes.append(ArmChange(span, side, ArmAngles(*(held * rng.uniform(0.85, 1.1, 6)))))
    return tuple(changes)


def _fidgets(until: float, rng: np.random.Generator) -> tuple[PostureChange, ...]:
    """Small shifts of weight, trunk and gaze, one every second or so."""
    changes, time = [], -1.5
    while time < until:
        span = Span(time, rng.uniform(0.6, 1.2), time + rng.uniform(1.2, 2.5), rng.uniform(0.6, 1.2))
        n = rng.normal(size=7)
        small = Posture(
            back=0.012 * n[0],
            aside=0.02 * n[1],
            pitch=0.02 * n[2],
            yaw=0.04 * n[3],
            roll=0.02 * n[4],
            gaze_yaw=0.1 * n[5],
            gaze_pitch=0.06 * n[6],
        )
        changes.append(PostureChange(span, small))
        time += rng.uniform(0.6, 1.6)
    return tuple(changes)
