"""Footsteps: when each foot leaves the floor and where it comes down, from the path of the body.

A foothold is where the path is somewhat before the middle of the stance, so turning and side-stepping need no
special rules: the path turns or drifts, and the next footholds follow it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.integrate import cumulative_trapezoid

from motiongrpo.motion.sources.synthetic.locomotion import RESTING_CADENCE, PlanarPath, PlanarState
from motiongrpo.motion.sources.synthetic.plan import GRAVITY, HOP_SETTLES, Bout, Plan
from motiongrpo.motion.sources.synthetic.primitives import from_heading
from motiongrpo.motion.sources.synthetic.subject import SIDES, Style

STANCE_REFERENCE = 0.37  # share of a stance after which the pelvis is over the foot
NARROWEST = 0.8  # m/s from which on feet are one step width apart
EARLY = 0.15  # share of a stride at which the speed determines how long the foot stays
FIRST_STEP = 0.45  # s from the start of a bout to its first landing
ALMOST = 0.3  # s before the end of a bout
OUTSIDE = -1  # stands for no bout


class Step(NamedTuple):
    """One swing of one foot, from a foothold to the next."""

    side: int  # an index into SIDES
    lift: float  # s, when the foot leaves the floor
    land: float  # s, when it is back
    stands: float  # s, when the path passes the foothold
    final: bool  # the last step of this foot in a bout or hop
    hop: bool  # a jump, not a step
    bout: int  # number of its bout in the plan, or OUTSIDE


@dataclass(frozen=True)
class Footfalls:
    """All steps of one foot; the first is before the clip and places the foot where it stands at time 0."""

    side: int  # an index into SIDES
    hop: Bool[ndarray, " step"]
    lift: Float[ndarray, " step"]  # s
    land: Float[ndarray, " step"]  # s
    pitch_lift: Float[ndarray, " step"]  # rad, heel up
    pitch_land: Float[ndarray, " step"]  # rad, toes up
    clearance: Float[ndarray, " step"]  # m, greatest height of the sole in the swing
    xy: Float[ndarray, "step 2"]  # where the foot comes down
    yaw: Float[ndarray, " step"]


def step_time(state: PlanarState, style: Style) -> Float[ndarray, " time"]:
    """Seconds between two landings, fewer with speed and with turning."""
    walking = RESTING_CADENCE + 0.35 * state.speed + 0.35 * np.abs(state.turn)
    running = 2.55 + 0.12 * state.speed
    return 1 / (style.cadence * (walking + state.running * (running - walking)))


def duty_factor(state: PlanarState) -> Float[ndarray, " time"]:
    """Share of a stride in which a foot is on the floor: above one half in walking, below it in running."""
    walking = 0.68 - 0.05 * state.speed
    return walking + state.running * (0.34 - walking)


def plan_steps(plan: Plan, path: PlanarPath, style: Style) -> tuple[Step, ...]:
    """All steps of a plan in order of landing, preceded by one of each foot before time 0."""
    steps = [Step(side, -2.0, -1.0, 0.0, True, False, OUTSIDE) for side in range(2)]
    for number, bout in enumerate(plan.bouts):
        steps += _bout_steps(bout, number, path, style)
    for hop in plan.hops:
        stands = hop.landing + HOP_SETTLES
        steps += [Step(side, hop.takeoff, hop.landing, stands, True, True, OUTSIDE) for side in range(2)]
    return tuple(sorted(steps, key=lambda step: step.land))


def _bout_steps(bout: Bout, number: int, path: PlanarPath, style: Style) -> list[Step]:
    land = _landing_times(bout, path, style)
    state = path.at(land)
    lift = land - 2 * (1 - duty_factor(state)) * step_time(state, style)
    stride = land[2:] - land[:-2]
    stance = stride * duty_factor(path.at(land[:-2] + EARLY * stride))
    lift[2:] = land[:-2] + stance
    stands = np.append(land[:-2] + STANCE_REFERENCE * stance, [bout.stop, bout.stop])
    last = len(land) - 2
    return [
        Step((bout.first_side + i) % 2, lift[i], land[i], stands[i], i >= last, False, number)
        for i in range(len(land))
    ]


def _landing_times(bout: Bout, path: PlanarPath, style: Style) -> Float[ndarray, " step"]:
    """Times in seconds at which the integral of the cadence reaches a whole number.

    At the last but one, the body is almost at rest.
    """
    time = np.arange(bout.start + FIRST_STEP, bout.stop + 2.0, 0.01)
    count = cumulative_trapezoid(1 / step_time(path.at(time), style), time, initial=0)
    stopping = np.interp(bout.stop - ALMOST, time, count)
    return np.interp(np.arange(math.ceil(stopping) + 2), count, time)


def footfalls(
    steps: tuple[Step, ...], side: int, path: PlanarPath, style: Style, rng: np.random.Generator
) -> Footfalls:
    """The steps of one foot with their footholds, pitches and clearances."""
    mine = [step for step in steps if step.side == side]
    lift, land = np.array([step.lift for step in mine]), np.array([step.land for step in mine])
    hop = np.array([step.hop for step in mine])
    leave, arrive = path.at(lift), path.at(land)
    xy, yaw = _footholds(mine, path, style, rng)
    push = 0.2 + 0.9 * np.clip(leave.forward / 1.4, 0.0, 1.0)
    strike = 0.32 * np.clip(arrive.forward / 1.4, 0.0, 1.0) * (1 - 0.7 * arrive.running)
    flight = GRAVITY * (land - lift) ** 2 / 8  # height of a free flight of this duration
    return Footfalls(
        side=side,
        hop=hop,
        lift=lift,
        land=land,
        pitch_lift=style.foot_roll * np.where(hop, 0.7, push),
        pitch_land=style.foot_roll * np.where(hop, -0.45, strike),  # a jump lands on the toes
        clearance=0.03 + 0.02 * rng.random(len(xy)) + 0.1 * arrive.running + hop * flight,
        xy=xy,
        yaw=yaw,
    )


def _footholds(
    mine: list[Step], path: PlanarPath, style: Style, rng: np.random.Generator
) -> tuple[Float[ndarray, "step 2"], Float[ndarray, " step"]]:
    """Positions and headings of footholds: half the step width beside the path, with a random scatter."""
    state = path.at(np.array([step.stands for step in mine]))
    final, side = np.array([step.final for step in mine]), SIDES[mine[0].side]
    narrow = np.clip(np.maximum(state.forward, np.abs(state.left)) / NARROWEST, 0.0, 1.0)
    narrow = np.where(final, 0.0, narrow)
    drift = np.abs(state.left) * step_time(state, style)  # otherwise feet would collide in side-stepping
    width = style.stand_width + narrow * (style.step_width - style.stand_width) + drift
    scatter = rng.normal(size=(3, len(width)))
    ahead = np.where(final, 0.04, 0.01) * scatter[0]
    aside = side * width / 2 + 0.007 * scatter[1]
    xy = state.xy + from_heading(ahead, aside, state.yaw)
    return xy, state.yaw + side * style.toe_out + 0.04 * scatter[2]
