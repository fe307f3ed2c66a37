"""Frame rates that motion of people comes at, and the unit that another number is likely in."""

from typing import Annotated

from pydantic import Field

from motiongrpo.base.errors import InputError

LEAST, MOST = 5.0, 1000.0

FrameRate = Annotated[float, Field(ge=LEAST, le=MOST)]
"""Frames/s, as parameters have it."""


def check_frame_rate(fps: float, where: str, remedy: str) -> None:
    """Raise InputError, with the likely units, unless motion of people comes at such a rate."""
    if plausible(fps):
        return
    others = {
        "if its frame time is in milliseconds": 1e3 * fps,
        "if it is in microseconds": 1e6 * fps,
        "if rate and frame time are exchanged": 1 / fps if fps else 0.0,
    }
    guesses = [f"{rate:.4g} {when}" for when, rate in others.items() if plausible(rate)]
    likely = f", {' or '.join(guesses)}" if guesses else ""
    raise InputError(
        f"{where} has {fps:.4g} frames/s, and motion has {LEAST:g} to {MOST:g}{likely}; {remedy}"
    )


def plausible(fps: float) -> bool:
    """Whether motion of people comes at such a rate, to a rounding of the frame time."""
    return LEAST * (1 - 1e-3) <= fps <= MOST * (1 + 1e-3)
