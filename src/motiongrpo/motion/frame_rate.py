"""Plausible frame rates of human motion, and the likely unit of an implausible one."""

from typing import Annotated

from pydantic import Field

from motiongrpo.base.errors import InputError

LEAST, MOST = 5.0, 1000.0

FrameRate = Annotated[float, Field(ge=LEAST, le=MOST)]
"""A frame rate in parameters, frames/s."""


def check_frame_rate(fps: float, where: str, remedy: str) -> None:
    """Raise InputError, with the likely unit, unless the frame rate is plausible for human motion."""
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
    """Whether the frame rate is plausible for human motion, allowing for a rounded frame time."""
    return LEAST * (1 - 1e-3) <= fps <= MOST * (1 + 1e-3)
