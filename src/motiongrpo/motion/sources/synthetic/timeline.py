"""The timeline of a clip: the plan sampled at the times of frames, for every part of the body to follow.

It holds the path, the footsteps, the posture, and the phase of the gait.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import PchipInterpolator

from motiongrpo.motion.sources.synthetic.footsteps import OUTSIDE, Step, plan_steps
from motiongrpo.motion.sources.synthetic.locomotion import PlanarPath, PlanarState, integrate
from motiongrpo.motion.sources.synthetic.plan import Plan, Posture, posture_at
from motiongrpo.motion.sources.synthetic.primitives import Span
from motiongrpo.motion.sources.synthetic.subject import Anatomy, Style

BRISK = 1.4  # m/s, at which pace is 1


@dataclass(frozen=True)
class Gait:
    """The rhythm of stepping. The phase counts landings and is even when the left foot lands."""

    phase: Float[ndarray, " frame"]
    stepping: Float[ndarray, " frame"]  # 0 in standing, 1 in stepping

    def lead(self, lag: float) -> Float[ndarray, " frame"]:
        """+1 when the left foot lands, −1 when the right one does, delayed by `lag` steps; 0 in standing."""
        return self.stepping * np.cos(np.pi * (self.phase - lag))

    def support(self) -> Float[ndarray, " frame"]:
        """+1 in the middle of the stance of the left foot, −1 of the right."""
        return self.lead(0.6)

    def bob(self, lowest: float) -> Float[ndarray, " frame"]:
        """−1 at `lowest` (in steps after a landing), +1 half a step later: two periods per stride."""
        return -self.stepping * np.cos(2 * np.pi * (self.phase - lowest))


def rhythm(steps: tuple[Step, ...], t: Float[ndarray, " frame"]) -> Gait:
    """The gait of these steps at the times t."""
    times, phases, stepping = [-2.0], [0.0], np.zeros_like(t)
    for number in sorted({step.bout for step in steps} - {OUTSIDE}):
        bout = [step for step in steps if step.bout == number]
        first = np.ceil(phases[-1]) + 1
        first += (first - bout[0].side) % 2  # even for a left foot
        times += [bout[0].lift, *(step.land for step in bout), bout[-1].land + 0.15]
        phases += [first - 0.8, *(first + i for i in range(len(bout))), first + len(bout) - 0.7]
        stepping += Span(bout[0].lift, 0.4, bout[-1].land, 0.4).weight(t)
    times, phases = [*times, times[-1] + 1.0], [*phases, phases[-1]]
    return Gait(PchipInterpolator(times, phases)(np.minimum(t, times[-1])), stepping)


@dataclass(frozen=True)
class Timeline:
    """The state in each frame that the parts of the body follow, for one plan and one subject."""

    t: Float[ndarray, " frame"]  # s, not negative
    plan: Plan
    style: Style
    anatomy: Anatomy
    path: PlanarPath
    planar: PlanarState
    steps: tuple[Step, ...]
    gait: Gait
    posture: Posture

    @property
    def pace(self) -> Float[ndarray, " frame"]:
        """Speed as a share of a brisk walk, to which the swing of limbs is proportional up to a run."""
        return np.minimum(self.planar.speed / BRISK, 1.5)


def sample_plan(
    plan: Plan, style: Style, anatomy: Anatomy, t: Float[ndarray, " frame"], yaw_0: float
) -> Timeline:
    """The plan of one subject at the times t; its path begins at the origin, facing `yaw_0`."""
    path = integrate(plan.travels, plan.stop, yaw_0)
    steps = plan_steps(plan, path, style)
    planar, gait = path.at(t), rhythm(steps, t)
    posture = posture_at(plan.postures, t)
    lean = style.lean + 0.02 * planar.speed * gait.stepping + 0.12 * planar.running
    posture = posture._replace(pitch=posture.pitch + lean)
    return Timeline(t, plan, style, anatomy, path, planar, steps, gait, posture)
