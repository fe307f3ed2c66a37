"""Smooth transitions over time, and rotations about one axis."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

RAMP = 0.3  # share of a transition in which its speed rises, and again in which it falls


def ease(s: Float[ndarray, "*batch"], rise: float = RAMP, fall: float = RAMP) -> Float[ndarray, "*batch"]:
    """0 before s = 0, 1 after s = 1; twice differentiable.

    Its speed rises over `rise` as a raised cosine, stays constant, and falls over `fall`: this has the lowest
    top speed among curves of the same softness, as a swinging foot needs.
    """
    s = np.clip(s, 0.0, 1.0)
    up, down = np.minimum(s, rise), np.maximum(s - (1 - fall), 0.0)
    flat = np.clip(s, rise, 1 - fall) - rise
    sines = fall * np.sin(np.pi * down / fall) - rise * np.sin(np.pi * up / rise)
    return (up / 2 + flat + down / 2 + sines / (2 * np.pi)) / (1 - (rise + fall) / 2)


def soft_ramp(x: Float[ndarray, "*batch"], begin: float, end: float) -> Float[ndarray, "*batch"]:
    """The integral of a slope that goes from 0 at `begin` to 1 at `end`; once differentiable."""
    u = np.clip(x - begin, 0.0, end - begin)
    return u**2 / (2 * (end - begin)) + np.maximum(x - end, 0.0)


class Span(NamedTuple):
    """A span in seconds, whose weight rises to 1 over `rise`, and from `stop` falls to 0 over `fall`."""

    start: float
    rise: float
    stop: float
    fall: float

    def weight(self, t: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """The weight of the span at the times t, from 0 to 1."""
        return ease((t - self.start) / self.rise) - ease((t - self.stop) / self.fall)


def about(axis: int, angle: Float[ndarray, "*batch"] | float) -> Float[ndarray, "*batch 3 3"]:
    """The rotation by `angle` radians about axis 0 (x), 1 (y) or 2 (z)."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    R = np.zeros((*np.shape(angle), 3, 3))
    R[..., axis, axis] = 1
    R[..., i, i] = R[..., j, j] = np.cos(angle)
    R[..., j, i] = np.sin(angle)
    R[..., i, j] = -R[..., j, i]
    return R


def rotate(R: Float[ndarray, "*#batch 3 3"], v: Float[ndarray, "*#batch 3"]) -> Float[ndarray, "*batch 3"]:
    """R v, over any batch axes."""
    return (R @ v[..., None])[..., 0]


def from_heading(
    ahead: Float[ndarray, " time"] | float,
    aside: Float[ndarray, " time"] | float,
    yaw: Float[ndarray, " time"],
) -> Float[ndarray, "time 2"]:
    """The horizontal vector with component `ahead` along a heading and `aside` to its left."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack([ahead * cos - aside * sin, ahead * sin + aside * cos], axis=-1)
