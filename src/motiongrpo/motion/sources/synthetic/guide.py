"""The guide: where the body as a whole is and faces, before there are feet. It integrates the velocities."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import CubicHermiteSpline

from motiongrpo.motion.sources.synthetic.easing import ease
from motiongrpo.motion.sources.synthetic.score import Travel

RATE = 100.0  # samples per second of the integration
FASTEST_WALK, SLOWEST_RUN = 1.9, 2.4  # m/s; a blend of both in between


class GuideState(NamedTuple):
    """The guide at some times."""

    xy: Float[ndarray, "time 2"]
    yaw: Float[ndarray, " time"]
    forward: Float[ndarray, " time"]  # m/s along the heading
    left: Float[ndarray, " time"]  # m/s across it
    turn: Float[ndarray, " time"]  # rad/s to the left

    @property
    def running(self) -> Float[ndarray, " time"]:
        """0 in walking, 1 in running."""
        return ease((self.forward - FASTEST_WALK) / (SLOWEST_RUN - FASTEST_WALK))

    @property
    def speed(self) -> Float[ndarray, " time"]:
        return np.hypot(self.forward, self.left)


@dataclass(frozen=True)
class Guide:
    """A planar path with a heading, at rest before and after."""

    time: Float[ndarray, " sample"]
    pose: CubicHermiteSpline  # x, y, yaw
    velocity: Float[ndarray, "sample 3"]  # forward, left, turn

    def at(self, t: Float[ndarray, " time"]) -> GuideState:
        """The guide at the times t, in seconds; times beyond either end find it at rest there."""
        t = np.clip(t, self.time[0], self.time[-1])
        x, y, yaw = self.pose(t).T
        velocity = (np.interp(t, self.time, column) for column in self.velocity.T)
        return GuideState(np.stack([x, y], axis=-1), yaw, *velocity)


def integrate(travels: tuple[Travel, ...], stop: float, yaw_0: float) -> Guide:
    """The path of these velocities from the origin at time 0, with the heading `yaw_0` there."""
    time = np.arange(0.0, stop + 1.0, 1 / RATE)
    velocity = np.zeros((len(time), 3))
    for travel in travels:
        velocity += travel.span.weight(time)[:, None] * np.array(travel.velocity)
    forward, left, turn = velocity.T
    yaw = yaw_0 + cumulative_trapezoid(turn, time, initial=0)
    cos, sin = np.cos(yaw), np.sin(yaw)
    rate = np.stack([forward * cos - left * sin, forward * sin + left * cos], axis=-1)
    xy = cumulative_trapezoid(rate, time, axis=0, initial=0)
    pose = CubicHermiteSpline(time, np.column_stack([xy, yaw]), np.column_stack([rate, turn]))
    return Guide(time, pose, velocity)
