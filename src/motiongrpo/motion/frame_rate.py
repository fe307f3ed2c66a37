"""Frame rates that motion of people comes at, and the unit that another number is likely in."""

from typing import Annotated

from pydantic import Field

from motiongrpo.base.errors import InputError

LEAST, MOST = 5.0, 1000.0

FrameRate = Annotated[float, Field(ge=LEAST, le=MOST)]
"""Frames/s, as parameters have it."""


def check_frame_rate(fps: float, where: str, remedy: str) -> None:
    """Raise InputError, with the likely unit, unless motion of people comes at such a rate."""
    if plausible(fps):
        return
    units = {
        "its frame time looks like milliseconds": 1000 * fps,
        "its frame time looks like microseconds": 1e6 * fps,
        "the rate looks like a frame time in seconds": 1 / fps if fps else 0.0,
        "the rate looks like a frame time in milliseconds": fps / 1000,
    }
    guess = next((f": {unit}" for unit, rate in units.items() if plausible(rate)), "")
    raise InputError(f"{where} has {fps:.4g} frames/s, and motion has {LEAST:g} to {MOST:g}{guess}; {remedy}")


def plausible(fps: float) -> bool:
    """Whether motion of people comes at such a rate, to a rounding of the frame time."""
    return LEAST * (1 - 1e-3) <= fps <= MOST * (1 + 1e-3)
