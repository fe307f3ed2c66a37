"""The plan of a clip: what the subject does and when, in continuous time and for any body.

Times are in seconds. Lengths that scale with the body are in leg lengths, others in metres.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.motion.sources.synthetic.primitives import Span

Activity = Literal["walk", "turn", "run", "sidestep", "stand", "squat", "sit", "reach", "jump"]

Amount = float | ndarray  # one number in a plan, one for each frame in a timeline

GRAVITY = 9.81  # m/s²
TIPTOE = 0.06  # m by which the pelvis is higher on tiptoe than on the soles
HOP_SETTLES = 0.4  # s after landing in which the body drifts on


class Posture(NamedTuple):
    """A deviation from upright standing; deviations add up. Radians, or leg lengths (drop, back, aside)."""

    drop: Amount = 0.0  # of the pelvis, towards the floor
    back: Amount = 0.0  # of the pelvis, away from where it faces
    aside: Amount = 0.0  # of the pelvis, to the left
    pitch: Amount = 0.0  # of the trunk, forwards
    yaw: Amount = 0.0  # of the trunk on the pelvis, to the left
    roll: Amount = 0.0  # of the trunk, to the right
    gaze_yaw: Amount = 0.0  # of the head, to the left of where the pelvis faces
    gaze_pitch: Amount = 0.0  # of the head, downwards


class ArmAngles(NamedTuple):
    """One arm, relative to hanging with the palm at the thigh; left and right are mirrored. Radians."""

    flexion: Amount = 0.0  # forwards and up
    abduction: Amount = 0.0  # away from the body
    twist: Amount = 0.0  # of the upper arm, inwards
    elbow: Amount = 0.0  # bend, 0 is straight
    pronation: Amount = 0.0  # of the forearm, thumb inwards
    wrist: Amount = 0.0  # bend towards the palm


@dataclass(frozen=True)
class PostureChange:
    """A posture in force over a span."""

    span: Span
    posture: Posture


@dataclass(frozen=True)
class ArmChange:
    """An arm held at these angles over a span; it replaces the swing of the gait and earlier changes."""

    span: Span
    side: int  # an index into SIDES
    angles: ArmAngles


class Velocity(NamedTuple):
    """Velocity of the body in the frame of its heading; `turn` is positive to the left."""

    forward: float = 0.0  # m/s
    left: float = 0.0  # m/s
    turn: float = 0.0  # rad/s


@dataclass(frozen=True)
class Travel:
    """A velocity in force over a span; where one span fades into the next, the velocities do, too."""

    span: Span
    velocity: Velocity


@dataclass(frozen=True)
class Bout:
    """Uninterrupted stepping, from standing to standing."""

    start: float
    stop: float  # the body is at rest from here on
    first_side: int  # the foot that steps first


@dataclass(frozen=True)
class Hop:
    """A jump off both feet: the body takes off and falls freely until the feet are back on the floor."""

    takeoff: float
    speed: float  # m/s upwards at take-off
    crouch: float  # m by which the pelvis sinks before it

    @property
    def landing(self) -> float:
        return self.takeoff + 2 * self.speed / GRAVITY

    @property
    def push(self) -> float:
        """Seconds from the deepest crouch to take-off, at constant acceleration."""
        return 2 * (self.crouch + TIPTOE) / self.speed


class Segment(NamedTuple):
    """When an activity takes place."""

    activity: Activity
    start: float
    stop: float


@dataclass(frozen=True)
class Plan:
    """What the subject does in one clip; each field is in chronological order."""

    segments: tuple[Segment, ...] = ()
    travels: tuple[Travel, ...] = ()
    bouts: tuple[Bout, ...] = ()
    hops: tuple[Hop, ...] = ()
    postures: tuple[PostureChange, ...] = ()
    arms: tuple[ArmChange, ...] = ()

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(
            self.segments + other.segments,
            self.travels + other.travels,
            self.bouts + other.bouts,
            self.hops + other.hops,
            self.postures + other.postures,
            self.arms + other.arms,
        )

    @property
    def stop(self) -> float:
        """When the last activity ends, seconds."""
        return max((segment.stop for segment in self.segments), default=0.0)


def posture_at(changes: tuple[PostureChange, ...], t: Float[ndarray, " frame"]) -> Posture:
    """The sum of the postures in force; every field is an array over the frames."""
    total = np.zeros((len(t), len(Posture._fields)))
    for change in changes:
        total += change.span.weight(t)[:, None] * np.array(change.posture)
    return Posture(*total.T)
