"""The motion of both feet: planted, rolling from heel to toe, or swinging to the next foothold.

A foot rolls over heel, flat sole, ball and toes without slipping or sinking. Its pitch (positive: heel up)
determines the roll: as it changes, the lowest point of the sole stays in place, which fixes the height of the
ankle and how far it has advanced.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.interpolate import PchipInterpolator

from motiongrpo.motion.sources.synthetic.footsteps import Footfalls
from motiongrpo.motion.sources.synthetic.primitives import about, ease, rotate, soft_ramp
from motiongrpo.motion.sources.synthetic.subject import SIDES, Leg

LOADING, LONGEST_LOADING = 0.15, 0.12  # from heel strike to the flat foot: share of a stance, and s
PUSHING, LONGEST_PUSH = 0.5, 0.35  # from the flat foot to toe-off: share of a stance, and s
HEEL_HIGHEST, TOES_HIGHEST = 0.12, 0.92  # shares of a swing
ARRIVAL = 0.18  # share of a swing in which the foot slows down so that it does not get too far ahead
DETOUR = 0.03  # m by which a swinging foot swerves around the other leg
SOFT = 0.4  # share of a jump in which the feet reach its speed
FLAT = 1.0  # s of flat foot before the first step and after the last, so that the curve has no kink there
PITCHES = np.radians(np.arange(-60.0, 110.0, 0.5))


@dataclass(frozen=True)
class FootMotion:
    """One foot in the world, metres and radians."""

    ankle: Float[ndarray, "frame 3"]
    yaw: Float[ndarray, " frame"]
    pitch: Float[ndarray, " frame"]  # heel up
    planted: Bool[ndarray, " frame"]  # on the floor, flat or rolling


def move_foot(leg: Leg, falls: Footfalls, t: Float[ndarray, " frame"]) -> FootMotion:
    """The motion of one foot at the times t ≥ 0; in stance its lowest point rests on the floor.

    A swing moves the point over which the foot stands flat, at rest at both ends; the roll is added
    throughout, so the ankle has the same velocity on either side of toe-off and heel strike.
    """
    step = np.searchsorted(falls.lift, t, side="right") - 1
    swing = np.clip((t - falls.lift[step]) / (falls.land[step] - falls.lift[step]), 0.0, 1.0)
    xy, yaw = _between_footholds(falls, step, ease(swing, fall=ARRIVAL))
    pitch = _pitch(falls, t)
    height, advance = rolling_foot(leg).at(pitch)
    bump = np.sin(np.pi * swing) ** 2
    rise = falls.clearance[step] * np.where(falls.hop[step], _flight(swing), bump)
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    outside = SIDES[falls.side] * np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
    xy = xy + advance[:, None] * ahead + DETOUR * bump[:, None] * outside
    ankle = np.column_stack([xy, height + rise])
    return FootMotion(ankle, yaw, pitch, swing >= 1)


def _flight(s: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """The parabola of a free fall, with soft ends, since feet leave the floor after the body takes off."""
    return 4 * s * (1 - s) * ease(s / SOFT) * ease((1 - s) / SOFT)


def _between_footholds(
    falls: Footfalls, step: ndarray, share: Float[ndarray, " frame"]
) -> tuple[Float[ndarray, "frame 2"], Float[ndarray, " frame"]]:
    pose = np.column_stack([falls.xy, falls.yaw])
    here, there = pose[np.maximum(step - 1, 0)], pose[step]
    pose = here + share[:, None] * (there - here)
    return pose[:, :2], pose[:, 2]


def _pitch(falls: Footfalls, t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """Flat in stance, heel up around toe-off, toes up around heel strike; monotone in between."""
    swing, stance = (falls.land - falls.lift)[1:], falls.lift[1:] - falls.land[:-1]
    if len(stance) == 0:
        return np.zeros_like(t)
    push = np.minimum(PUSHING * stance, LONGEST_PUSH)
    loading = np.minimum(LOADING * np.append(stance[1:], np.inf), LONGEST_LOADING)
    lift, land, zero = falls.lift[1:], falls.land[1:], np.zeros(len(stance))
    heel_up, toes_up = lift + HEEL_HIGHEST * swing, lift + TOES_HIGHEST * swing
    times = np.stack([lift - push, heel_up, toes_up, land + loading], axis=-1)
    pitch = np.stack([zero, falls.pitch_lift[1:], -falls.pitch_land[1:], zero], axis=-1)
    ends = times[0, 0] - FLAT, times[-1, -1] + FLAT
    curve = PchipInterpolator([ends[0], *times.ravel(), ends[1]], [0.0, *pitch.ravel(), 0.0])
    return curve(np.clip(t, *ends))


@dataclass(frozen=True)
class RollingFoot:
    """The ankle of one foot by pitch, relative to the point over which it stands flat. Metres."""

    height: Float[ndarray, " pitch"]
    advance: Float[ndarray, " pitch"]  # forwards, 0 when flat

    def at(
        self, pitch: Float[ndarray, " frame"]
    ) -> tuple[Float[ndarray, " frame"], Float[ndarray, " frame"]]:
        """Ankle height and advance at these pitches, in radians."""
        return np.interp(pitch, PITCHES, self.height), np.interp(pitch, PITCHES, self.advance)


def toe_bend(pitch: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch"]:
    """Upward bend of the toes in radians: they stay on the floor while the heel rises, up to about 40°."""
    return soft_ramp(pitch, 0.0, 0.1) - soft_ramp(pitch, 0.6, 0.9)


def rolling_foot(leg: Leg) -> RollingFoot:
    """Roll the sole points of one foot through all pitches.

    From one pitch to the next the foot turns about its lowest point k, so the ankle advances by as much as k
    moves backwards relative to the ankle.
    """
    soles = _soles_from_ankle(leg)
    height = -soles[..., 1].min(axis=1)
    lowest = soles[:, :, 1].argmin(axis=1)[:-1]
    row = np.arange(len(PITCHES) - 1)
    gain = soles[row, lowest, 2] - soles[row + 1, lowest, 2]
    advance = np.concatenate([[0.0], np.cumsum(gain)])
    return RollingFoot(height, advance - np.interp(0.0, PITCHES, advance))


def _soles_from_ankle(leg: Leg) -> Float[ndarray, "pitch sole 3"]:
    """Sole points relative to the ankle at every pitch, y up and z forward."""
    R_foot = about(0, PITCHES)[:, None]
    R_toes = about(0, PITCHES - toe_bend(PITCHES))[:, None]
    ball = rotate(R_foot, leg.foot)
    return np.concatenate([rotate(R_foot, leg.heel_sole), ball + rotate(R_toes, leg.toe_sole)], axis=1)
