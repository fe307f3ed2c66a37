"""Resampling of poses from rows at any times to frames at a rate, where no frame depends on rows far away.

Where rows are dense, a frame is the value of a quadratic fitted by weighted least squares to the rows within
REACH frames of it (Savitzky and Golay 1964, for rows at any times: Cleveland 1979, doi:10.2307/2286407). With
Hann weights that passes 98 % of what happens at a sixth of the frame rate and at most 5 % of what is faster
than two thirds of it, so that little is aliased; it returns a quadratic path exactly, however rows lie in
time. Where rows are sparse, a frame lies on the monotone cubic through them (Fritsch and Carlson 1980).

Times are counted in frames; quaternions are brought to one sign first and fitted by component.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy.interpolate import PchipInterpolator

REACH = 2.0  # frames on either side, beyond which no row counts
DENSE = 1.5  # rows a frame, from which on rows are smoothed
MOST_NOISE = 1.5  # variance of a fitted frame over that of a row
SAME_INSTANT = 1e-3  # of a frame: clocks are rounded to their ticks, and a last row is not lost by that
BLOCK = 1 << 13  # frames that are fitted at once, which bounds memory
CUBIC = 2  # nodes on either side that a monotone cubic depends on

Rows = Float64[np.ndarray, " row"]
Frames = Int[np.ndarray, " frame"]


class Resampled(NamedTuple):
    """Poses at whole frames, and which of them have rows near enough."""

    at: Frames
    poses: Float64[np.ndarray, "frame 7"]  # w ≥ 0
    near: Bool[np.ndarray, " frame"]


def resampled(at: Rows, poses: Float64[np.ndarray, "row 7"], dense: bool) -> Resampled:
    """The poses at every whole frame from the first row to the last, or to where the fit is sure."""
    poses = with_one_sign(poses)
    frames = np.arange(np.ceil(at[0] - SAME_INSTANT), np.floor(at[-1] + SAME_INSTANT) + 1).astype(np.int64)
    if dense:
        values, noise = fitted(at, poses, frames)
        near = (noise <= MOST_NOISE) & (_steps_around(at, frames) <= REACH)
        if near.sum() >= 2:
            return _filled(frames, values, near)
    return Resampled(frames, unit(through(at, poses, frames)), np.ones(len(frames), dtype=bool))


def fitted(
    at: Rows, poses: Float64[np.ndarray, "row 7"], frames: Frames
) -> tuple[Float64[np.ndarray, "frame 7"], Float64[np.ndarray, " frame"]]:
    """The locally fitted values at consecutive frames, and the variance of each over that of a row.

    The variance is not finite where rows do not determine a quadratic.
    """
    values, noise = np.empty((len(frames), 7)), np.empty(len(frames))
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        first, last = np.searchsorted(at, [block[0] - REACH, block[-1] + REACH])
        part = slice(start, start + len(block))
        values[part], noise[part] = _fitted_block(at[first:last], poses[first:last], block)
    return values, noise


def through(at: Rows, poses: Float64[np.ndarray, "row 7"], frames: Frames) -> Float64[np.ndarray, "frame 7"]:
    """The monotone cubic through the rows at these frames; it overshoots no row, whatever the clock."""
    return PchipInterpolator(at, poses, axis=0)(np.clip(frames, at[0], at[-1]))


def with_one_sign(poses: Float64[np.ndarray, "row 7"]) -> Float64[np.ndarray, "row 7"]:
    """The same poses, each quaternion on the side of the one before it."""
    turned = np.einsum("rq,rq->r", poses[1:, :4], poses[:-1, :4]) < 0
    sign = np.cumprod(np.concatenate([[1], np.where(turned, -1, 1)]))
    return np.concatenate([poses[:, :4] * sign[:, None], poses[:, 4:]], axis=1)


def unit(poses: Float64[np.ndarray, "frame 7"]) -> Float64[np.ndarray, "frame 7"]:
    """The poses with unit quaternions, w ≥ 0."""
    q = poses[:, :4] / np.linalg.norm(poses[:, :4], axis=1, keepdims=True)
    return np.concatenate([np.where(q[:, :1] < 0, -q, q), poses[:, 4:]], axis=1)


def _fitted_block(at: Rows, poses: Float64[np.ndarray, "row 7"], frames: Frames):
    """`fitted` for a few frames and the rows within their reach: the equivalent kernel, then its sums."""
    whole = np.floor(at).astype(np.int64)
    near = np.concatenate([whole + offset - frames[0] for offset in (-1, 0, 1, 2)])
    row = np.tile(np.arange(len(at)), 4)
    inside = (near >= 0) & (near < len(frames))
    near, row = near[inside], row[inside]

    def summed(values: Float64[np.ndarray, " pair"]) -> Float64[np.ndarray, " frame"]:
        return np.bincount(near, values, len(frames))

    s = at[row] - (near + frames[0])
    weight = 0.5 * (1 + np.cos(np.pi * s / REACH))
    S0, S1, S2, S3, S4 = (summed(weight * s**power) for power in range(5))
    a0, a1, a2 = S2 * S4 - S3 * S3, S2 * S3 - S1 * S4, S1 * S3 - S2 * S2
    with np.errstate(divide="ignore", invalid="ignore"):
        a0, a1, a2 = (a / (S0 * a0 + S1 * a1 + S2 * a2) for a in (a0, a1, a2))
        kernel = weight * (a0[near] + a1[near] * s + a2[near] * s * s)
    values = np.stack([summed(kernel * poses[row, axis]) for axis in range(7)], axis=1)
    return values, np.where(np.isfinite(a0), summed(kernel * kernel), np.inf)


def _steps_around(at: Rows, frames: Frames) -> Float64[np.ndarray, " frame"]:
    """Time between the rows before and after each frame."""
    before = np.clip(np.searchsorted(at, frames, "right") - 1, 0, len(at) - 2)
    return at[before + 1] - at[before]


def _filled(frames: Frames, values: Float64[np.ndarray, "frame 7"], near: Bool[np.ndarray, " frame"]):
    """The frames between the first and the last sure one, those in between on the cubic through sure ones."""
    sure = np.flatnonzero(near)
    inner = slice(sure[0], sure[-1] + 1)
    frames, values, near = frames[inner], values[inner], near[inner]
    if not near.all():
        beside = np.convolve(~near, np.ones(2 * CUBIC + 1), "same") > 0
        nodes = near & beside
        values[~near] = through(frames[nodes].astype(np.float64), with_one_sign(values[nodes]), frames[~near])
    return Resampled(frames, unit(values), near)
