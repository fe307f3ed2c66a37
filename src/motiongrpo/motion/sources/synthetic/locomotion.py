"""Walking, running, turning and side-stepping: velocities over time, and the path that is their integral.

The path is that of the body as a whole, a position on the floor and a heading, regardless of feet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import CubicHermiteSpline

from motiongrpo.motion.sources.synthetic.plan import Activity, Bout, Plan, Segment, Travel, Velocity
from motiongrpo.motion.sources.synthetic.primitives import Span, ease, from_heading
from motiongrpo.motion.sources.synthetic.subject import Style

MOVING: dict[Activity, float] = {"walk": 3, "turn": 2, "run": 1, "sidestep": 1}  # relative frequency
AT_REST = Velocity()
RESTING_CADENCE = 1.55  # steps per second at zero speed
RATE = 100.0  # samples per second of the integration
FASTEST_WALK, SLOWEST_RUN = 1.9, 2.4  # m/s; a blend of both in between


class Stretch(NamedTuple):
    """The part of a bout that has one velocity."""

    activity: Activity
    seconds: float
    velocity: Velocity


def draw_bout(start: float, moving: Sequence[Activity], style: Style, rng: np.random.Generator) -> Plan:
    """A bout made of some of these activities; side-stepping and turning on the spot stand alone."""
    first = _choose(moving, rng)
    if first == "sidestep":
        return compose_bout(start, [_sidestep(rng)], style, rng)
    if first == "turn" and ("walk" not in moving or rng.random() < 0.5):
        return compose_bout(start, [_turn_on_the_spot(rng)], style, rng)
    chain: list[Activity] = [activity for activity in moving if activity != "sidestep"]
    walk: list[Activity] = [first, *(_choose(chain, rng) for _ in range(rng.integers(3)))]
    return compose_bout(start, [_stretch(activity, style, rng) for activity in walk], style, rng)


def compose_bout(start: float, stretches: list[Stretch], style: Style, rng: np.random.Generator) -> Plan:
    """Stretches one after the other, each velocity fading into the next; the bout ends at rest."""
    velocities = [AT_REST, *(stretch.velocity for stretch in stretches), AT_REST]
    ramps = [_ramp(a, b) for a, b in pairwise(velocities)]
    times = start + np.cumsum([0.0, *(stretch.seconds for stretch in stretches)])
    spans = [
        Span(float(times[i]), ramps[i], float(times[i + 1]), ramps[i + 1]) for i in range(len(stretches))
    ]
    stop = spans[-1].stop + spans[-1].fall
    ends = [*(span.stop for span in spans[:-1]), stop + _closing_time(style)]
    segments = [
        Segment(stretch.activity, span.start, end)
        for stretch, span, end in zip(stretches, spans, ends, strict=True)
    ]
    travels = [Travel(span, stretch.velocity) for span, stretch in zip(spans, stretches, strict=True)]
    bout = Bout(start, stop, _first_side(stretches[0].velocity, rng))
    return Plan(segments=tuple(segments), travels=tuple(travels), bouts=(bout,))


def _closing_time(style: Style) -> float:
    """Seconds from rest until the last foot is down and the first may leave again: about two slow steps."""
    return 2.7 / (RESTING_CADENCE * style.cadence) - 0.8


def _choose(activities: Sequence[Activity], rng: np.random.Generator) -> Activity:
    """One of these activities at random, weighted by how common each is in `MOVING`."""
    weights = np.array([MOVING[activity] for activity in activities])
    return activities[rng.choice(len(activities), p=weights / weights.sum())]


def _first_side(velocity: Velocity, rng: np.random.Generator) -> int:
    """The foot on the side to which the body turns or drifts; a random one when it goes straight."""
    sideways = velocity.left + 0.3 * velocity.turn
    return int(rng.integers(2)) if abs(sideways) < 0.1 else int(sideways < 0)


def _ramp(a: Velocity, b: Velocity) -> float:
    """Seconds over which one velocity fades into the next."""
    change = np.abs(np.array(a) - np.array(b))
    return float(0.6 + 0.38 * (change[0] + change[1]) + 0.1 * change[2])


def _stretch(activity: Activity, style: Style, rng: np.random.Generator) -> Stretch:
    u, side = rng.uniform, rng.choice([-1.0, 1.0])
    if activity == "run":
        return Stretch("run", u(2.0, 4.0), Velocity(u(2.4, 3.2), 0.0, u(-0.2, 0.2)))
    if activity == "turn":
        return Stretch("turn", u(1.5, 3.0), Velocity(u(0.8, 1.0) * style.pace, 0.0, side * u(0.5, 0.9)))
    return Stretch("walk", u(2.0, 5.0), Velocity(style.pace * u(0.85, 1.15), 0.0, u(-0.25, 0.25)))


def _turn_on_the_spot(rng: np.random.Generator) -> Stretch:
    rate = rng.uniform(0.8, 1.5)
    angle = rng.uniform(0.8, np.pi)
    return Stretch("turn", max(0.9, angle / rate), Velocity(turn=rng.choice([-1.0, 1.0]) * rate))


def _sidestep(rng: np.random.Generator) -> Stretch:
    speed = rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 0.45)
    return Stretch("sidestep", rng.uniform(1.5, 3.5), Velocity(left=speed))


class PlanarState(NamedTuple):
    """The path at given times: position and heading in the world, velocity in the frame of the heading."""

    xy: Float[ndarray, "time 2"]
    yaw: Float[ndarray, " time"]
    forward: Float[ndarray, " time"]  # m/s along the heading
    left: Float[ndarray, " time"]  # m/s across it
    turn: Float[ndarray, " time"]  # rad/s to the left

    @property
    def running(self) -> Float[ndarray, " time"]:
        """0 in walking, 1 in running, a blend at speeds in between."""
        return ease((self.forward - FASTEST_WALK) / (SLOWEST_RUN - FASTEST_WALK))

    @property
    def speed(self) -> Float[ndarray, " time"]:
        return np.hypot(self.forward, self.left)


@dataclass(frozen=True)
class PlanarPath:
    """The path of the body: position on the floor and heading over time, at rest before and after."""

    time: Float[ndarray, " sample"]
    pose: CubicHermiteSpline  # x, y, yaw
    velocity: Float[ndarray, "sample 3"]  # forward, left, turn

    def at(self, t: Float[ndarray, " time"]) -> PlanarState:
        """The path at the times t, in seconds; beyond its ends it rests at them."""
        t = np.clip(t, self.time[0], self.time[-1])
        x, y, yaw = self.pose(t).T
        velocity = (np.interp(t, self.time, column) for column in self.velocity.T)
        return PlanarState(np.stack([x, y], axis=-1), yaw, *velocity)


def integrate(travels: tuple[Travel, ...], stop: float, yaw_0: float) -> PlanarPath:
    """The path of these velocities from the origin at time 0, with the heading `yaw_0` there."""
    time = np.arange(0.0, stop + 1.0, 1 / RATE)
    velocity = np.zeros((len(time), 3))
    for travel in travels:
        velocity += travel.span.weight(time)[:, None] * np.array(travel.velocity)
    forward, left, turn = velocity.T
    yaw = yaw_0 + cumulative_trapezoid(turn, time, initial=0)
    rate = from_heading(forward, left, yaw)
    xy = cumulative_trapezoid(rate, time, axis=0, initial=0)
    pose = CubicHermiteSpline(time, np.column_stack([xy, yaw]), np.column_stack([rate, turn]))
    return PlanarPath(time, pose, velocity)
