"""Clocks of recordings: ticks of any unit as seconds, which must increase."""

import numpy as np
from jaxtyping import Float64, Int

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.config import TimeUnit

PER_SECOND: dict[TimeUnit, int] = {
    "s": 1,
    "ms": 1_000,
    "us": 1_000_000,
    "100ns": 10_000_000,
    "ns": 1_000_000_000,
}
STEPS_S = (1 / 15, 1 / 250)  # between two rows of a headset, at its slowest and at its fastest


def seconds(ticks: np.ndarray, unit: TimeUnit) -> Float64[np.ndarray, " row"]:
    """Seconds of a clock, rounded once: dates in nanoseconds have more digits than a float."""
    with np.errstate(invalid="ignore"):  # an infinite tick is NaN seconds
        whole, part = np.divmod(ticks, PER_SECOND[unit])
    return whole + part / PER_SECOND[unit]


def unit_of_steps(ticks: np.ndarray) -> TimeUnit | None:
    """The one unit in which rows come 15 to 250 times a second, as a headset's do; None if none or two do."""
    with np.errstate(invalid="ignore"):
        steps = np.diff(ticks)
    step = np.median(steps[np.isfinite(steps)]) if np.isfinite(steps).any() else np.inf
    slow, fast = STEPS_S
    units: list[TimeUnit] = [unit for unit, n in PER_SECOND.items() if fast <= step / n <= slow]
    return units[0] if len(units) == 1 else None


def unit_of_ticks(ticks: np.ndarray, unit: TimeUnit) -> TimeUnit:
    """The unit of a clock whose ticks are whole and of `unit`; one with fractions counts seconds instead."""
    if unit in ("s", "ms") or ticks.dtype.kind in "iu":
        return unit
    ticks = ticks[np.isfinite(ticks)]
    return "s" if (ticks % 1 != 0).any() else unit


def demand_increasing(time_s: Float64[np.ndarray, " row"], line: Int[np.ndarray, " row"], where: str) -> None:
    """Raise InputError at the first row whose time is missing or not after the one before."""
    if not np.isfinite(time_s).all():
        row = np.flatnonzero(~np.isfinite(time_s))[0]
        raise InputError(f"{where}, line {line[row]}: the row has no time; take it out of the file")
    if len(back := np.flatnonzero(np.diff(time_s) <= 0)):
        row = back[0] + 1
        raise InputError(
            f"{where}, line {line[row]}: time does not increase, {time_s[row]:.6f} s follows "
            f"{time_s[row - 1]:.6f} s; sort the rows by time and take doubled ones out"
        )
