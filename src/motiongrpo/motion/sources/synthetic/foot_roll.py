"""How a foot rolls on the floor without slipping or sinking: heel, flat sole, ball, toes.

The pitch of the foot (positive: heel up) decides everything. As it changes, the lowest point of the
sole stays where it is; that fixes how high the ankle is and how far it has rolled.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.motion.sources.synthetic.anatomy import Leg
from motiongrpo.motion.sources.synthetic.easing import about, rotate, soft_ramp

PITCHES = np.radians(np.arange(-60.0, 110.0, 0.5))


@dataclass(frozen=True)
class RollingFoot:
    """The ankle of one foot over the point where it stands flat, by pitch. Metres."""

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

    From one pitch to the next the foot turns about its lowest point k, so the ankle advances by what
    the place of k relative to the ankle loses.
    """
    soles = _soles_from_ankle(leg)
    height = -soles[..., 1].min(axis=1)
    lowest = soles[:, :, 1].argmin(axis=1)[:-1]
    row = np.arange(len(PITCHES) - 1)
    gain = soles[row, lowest, 2] - soles[row + 1, lowest, 2]
    advance = np.concatenate([[0.0], np.cumsum(gain)])
    return RollingFoot(height, advance - np.interp(0.0, PITCHES, advance))


def _soles_from_ankle(leg: Leg) -> Float[ndarray, "pitch sole 3"]:
    """Sole points from the ankle at every pitch, y up and z forward."""
    R_foot = about(0, PITCHES)[:, None]
    R_toes = about(0, PITCHES - toe_bend(PITCHES))[:, None]
    ball = rotate(R_foot, leg.foot)
    return np.concatenate([rotate(R_foot, leg.heel_sole), ball + rotate(R_toes, leg.toe_sole)], axis=1)
