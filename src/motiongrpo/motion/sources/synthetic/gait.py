"""The rhythm of stepping: a phase that counts landings, and the oscillations that hang on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import PchipInterpolator

from motiongrpo.motion.sources.synthetic.easing import Span
from motiongrpo.motion.sources.synthetic.footsteps import OUTSIDE, Step


@dataclass(frozen=True)
class Gait:
    """Phase in steps, an even whole number when the left foot lands; `stepping` is 0 in standing."""

    phase: Float[ndarray, " frame"]
    stepping: Float[ndarray, " frame"]

    def lead(self, lag: float) -> Float[ndarray, " frame"]:
        """+1 as the left foot lands ahead, −1 as the right one does, `lag` steps later; 0 in standing."""
        return self.stepping * np.cos(np.pi * (self.phase - lag))

    def support(self) -> Float[ndarray, " frame"]:
        """+1 in the middle of the stance on the left foot, −1 on the right."""
        return self.lead(0.6)

    def bob(self, lowest: float) -> Float[ndarray, " frame"]:
        """−1 at `lowest` (in steps after a landing), +1 half a step later: two beats to a stride."""
        return -self.stepping * np.cos(2 * np.pi * (self.phase - lowest))


def rhythm(steps: tuple[Step, ...], t: Float[ndarray, " frame"]) -> Gait:
    """Phase and amount of stepping at the times t."""
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
