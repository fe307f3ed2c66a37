"""The floor under a head's path: given, stated by the file's format, or estimated from how high the eyes are.

The prior is the height of adult eyes over the floor: 1.630 ± 0.069 m of men and 1.505 ± 0.061 m of women
(British, 19 to 65 years; S. Pheasant, Bodyspace, 2nd ed. 1996, table 10.1), hence 1.57 ± 0.09 m of both in
equal parts, and 2.5 cm more in shoes, by the same source. People bend and sit more than they rise, so that a
high quantile of the eyes' heights stands for standing.
"""

import math

import numpy as np
from jaxtyping import Float

from motiongrpo.base.errors import InputError
from motiongrpo.head.path import Floor, RawHeadPath

FLOOR_KEY = "--floor-m (recovery.floor_m)"  # as a sentence names it
EYES_M, EYES_SD_M = 1.59, 0.09  # over the floor, of a standing adult in shoes
QUANTILE = 0.9  # of a path's heights, which is taken for standing
POSTURE_M = 0.10  # half of 90 % of how far that quantile lies from standing (benchmarks/floor_estimate.py)
SURE_M = math.hypot(1.645 * EYES_SD_M, POSTURE_M)
LOW = 0.01  # quantile that lies above any floor


def known_floor(raw: RawHeadPath, floor_m: float | str | None) -> Floor | None:
    """The floor that somebody gave or the format states; None where it is to be estimated."""
    if isinstance(floor_m, float | int):
        return Floor(float(floor_m), "given", 0.0)
    if raw.origin == "floor" and floor_m is None:
        return Floor(0.0, "format", 0.0)
    return None


def estimated_floor(heights: Float[np.ndarray, " frame"], name: str) -> Floor:
    """The floor from the heights of the eyes over the file's z = 0, as of a person who also stands.

    Raises InputError where the eyes come lower than the floor that follows.
    """
    low, standing = np.quantile(heights, [LOW, QUANTILE])
    if standing - low > EYES_M:
        raise InputError(
            f"the floor of '{name}' cannot be estimated: the eyes rise by {standing - low:.3g} m, more than "
            f"from lying to standing, as on stairs, in a world that drifts or in another unit of length; set "
            f"{FLOOR_KEY} to the floor's height in the file's world, or cut the recording"
        )
    return Floor(float(standing) - EYES_M, "estimated", SURE_M)
