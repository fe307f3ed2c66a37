"""Repair of a head's path: what is missing or wrong is taken out, bridged or split at, and recorded.

A frame depends only on the rows near it and on the first time of the file: outside the frames that are marked
as touched, a damaged recording gives the same values as an undamaged one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import counted
from motiongrpo.head.flaws import (
    HeadRepairConfig,
    Index,
    Steps,
    first_time,
    frozen,
    poor,
    usable_rows,
    without_glitches,
)
from motiongrpo.head.path import RawHeadPath, Touch
from motiongrpo.head.resampling import DENSE, REACH, Resampled, resampled


@dataclass(frozen=True)
class Piece:
    """A stretch before its floor is known."""

    world: int  # pieces of one world share its origin
    frames: Resampled  # numbered from the file's first time
    touched: Int[np.ndarray, " frame"]  # bits of `Touch`


@dataclass(frozen=True)
class Repaired:
    """All stretches that are long enough, and a sentence for each kind of change."""

    pieces: tuple[Piece, ...]
    start_s: float  # of frame 0, by the file's clock
    sentences: tuple[str, ...]


def repaired(raw: RawHeadPath, fps: float, config: HeadRepairConfig) -> Repaired:
    """The recording at `fps`, in stretches without a break.

    Raises InputError where none is as long as a stretch must be.
    """
    rows, glitches = without_glitches(raw, usable_rows(raw, config), config)
    steps, start_s = Steps.of(raw, rows, config), first_time(raw)
    at = (raw.time_s[rows] - start_s) * fps
    dense = float(np.median(np.diff(at))) <= 1 / DENSE
    ends = [0, *(np.flatnonzero(steps.breaks) + 1).tolist(), len(rows)]
    spans = [slice(a, b) for a, b in pairwise(ends) if at[b - 1] - at[a] >= config.shortest_s * fps]
    if not spans:
        raise InputError(_nothing_left(raw, steps, config))
    worlds = steps.worlds
    pieces = []
    for span in spans:
        frames = resampled(at[span], raw.T_world_cpf[rows[span]], dense)
        lacking = _lacking(steps, rows, span, len(raw.time_s))
        why = {
            Touch.GAP: _between(frames.at, *_reached(at[span], lacking, dense)) | ~frames.near,
            Touch.FROZEN: _beside(frames, at[span], frozen(raw, rows[span], config)),
            Touch.TRACKING: _beside(frames, at[span], poor(raw, rows[span], config)),
        }
        touched = np.sum([np.where(which, int(bit), 0) for bit, which in why.items()], axis=0)
        pieces.append(Piece(int(worlds[span.start]), frames, touched))
    said = [*glitches, *steps.sentences(raw, rows, config)]
    if len(spans) < len(ends) - 1:
        dropped = counted(len(ends) - 1 - len(spans), "stretch", "stretches")
        said.append(f"{dropped} under {config.shortest_s:g} s left out")
    return Repaired(tuple(pieces), start_s, tuple(said))


def _lacking(steps: Steps, rows: Index, span: slice, count: int) -> Bool[np.ndarray, " step_and_ends"]:
    """Whether rows lack before the first row of a span, in each of its steps, and after its last."""
    before, after = rows[span.start] > 0, rows[span.stop - 1] < count - 1
    return np.concatenate([[before], steps.lacking[span.start : span.stop - 1], [after]])


def _reached(
    at: Float64[np.ndarray, " row"], lacking: Bool[np.ndarray, " step_and_ends"], dense: bool
) -> tuple[Float64[np.ndarray, " span"], Float64[np.ndarray, " span"]]:
    """The open intervals of frames that would be others if no row were missing."""
    around = np.concatenate([[-np.inf] * 2, at, [np.inf] * 2])
    step = np.flatnonzero(lacking) + 1
    if dense:
        return around[step] - REACH, around[step + 1] + REACH
    return around[step - 1], around[step + 2]


def _beside(
    frames: Resampled, at: Float64[np.ndarray, " row"], which: Bool[np.ndarray, " row"]
) -> Bool[np.ndarray, " frame"]:
    """Frames of which the row before or after is one of these."""
    after = np.searchsorted(at, frames.at)
    return which[np.minimum(after, len(at) - 1)] | which[np.maximum(after - 1, 0)]


def _between(
    at: Int[np.ndarray, " frame"], first: Float64[np.ndarray, " span"], last: Float64[np.ndarray, " span"]
) -> Bool[np.ndarray, " frame"]:
    """Frames inside at least one of the open intervals."""
    starts = np.searchsorted(at, first, "right")
    change = np.zeros(len(at) + 1, dtype=np.int64)
    np.add.at(change, starts, 1)
    np.add.at(change, np.maximum(np.searchsorted(at, last), starts), -1)
    return np.cumsum(change)[:-1] > 0


def _nothing_left(raw: RawHeadPath, steps: Steps, config: HeadRepairConfig) -> str:
    """The message on a recording that falls apart."""
    kinds = (
        (steps.too_long, "gap", f" over {config.longest_gap_s:g} s"),
        (steps.jump, "jump", ""),
        (steps.other_map, "change", " of the map"),
    )
    broken = [counted(int(which.sum()), name) + more for which, name, more in kinds if which.any()]
    return (
        f"'{raw.name}' has no {config.shortest_s:g} s without a break: {', '.join(broken)} in "
        f"{steps.seconds.sum():.1f} s at {1 / np.median(steps.seconds):.3g} rows a second; "
        "give a longer recording, or look whether the units of length and time are right"
    )
