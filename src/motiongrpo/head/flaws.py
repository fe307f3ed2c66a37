"""Flaws in the rows of a head's path: missing, jumping, frozen, or poorly tracked as the file says."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import counted
from motiongrpo.head.path import RawHeadPath

MISSING = 1.75  # typical steps; a longer one lacks rows
UNEVEN = 1.25  # steps of the 95th percentile, which it must exceed too, since a clock may be uneven
BESIDE_S = 0.05  # over which the speed on either side of a jump is measured

Index = Int[np.ndarray, " row"]


class BreakConfig(Config):
    """Where a head's path cannot go on: after a gap, or a jump that no head makes, such as a recentring."""

    longest_gap_s: float = Field(gt=0)  # that is bridged; a longer one splits
    jump_m: float = Field(gt=0)  # between two rows, beyond what speed explains
    jump_m_s: float = Field(gt=0)  # and this much more for each second between them
    jump_deg: float = Field(gt=0)
    jump_deg_s: float = Field(gt=0)


class HeadRepairConfig(BreakConfig):
    """Limits of what is bridged, split at, warned of and refused in a head's path."""

    shortest_s: float = Field(ge=0.5)  # of a stretch that is kept
    frozen_s: float = Field(gt=0)  # a pose repeated for so long is lost tracking
    least_quality: float = Field(ge=0, le=1)  # of tracking, by the file's own score
    lowest_m: float  # median height of the eyes over the floor
    highest_m: float = Field(gt=0)
    fastest_m_s: float = Field(gt=0)  # of a head that people carry
    backwards_m: float = Field(gt=0)  # walked against the gaze, and hardly any other way
    jitter_mm: float = Field(gt=0)  # tremble of a frame
    jitter_deg: float = Field(gt=0)


def usable_rows(raw: RawHeadPath, config: HeadRepairConfig) -> Index:
    """The rows with a finite time and pose; raises InputError where they do not last long enough."""
    rows = np.flatnonzero(np.isfinite(raw.time_s) & np.isfinite(raw.T_world_cpf).all(axis=1))
    if len(rows) == 0:
        raise InputError(
            f"'{raw.name}' has no row whose time and pose are finite numbers, of {len(raw.time_s)}; "
            "export it again, or name other columns"
        )
    seconds = float(raw.time_s[rows[-1]] - raw.time_s[rows[0]])
    if seconds < config.shortest_s:
        raise InputError(
            f"'{raw.name}' has {seconds:.3g} s of usable poses, from line {raw.line[rows[0]]} to line "
            f"{raw.line[rows[-1]]}, and {config.shortest_s:g} s are needed; give a longer recording, or "
            "correct the unit of its times"
        )
    return rows


def first_time(raw: RawHeadPath) -> float:
    """The first time of the file, at which frame 0 lies, whether or not its row has a pose."""
    return float(raw.time_s[np.flatnonzero(np.isfinite(raw.time_s))[0]])


def place(raw: RawHeadPath, row: int) -> str:
    """Where a row is, for a sentence: its line, and its time after the first."""
    return f"line {raw.line[row]} ({raw.time_s[row] - first_time(raw):.3f} s after the start)"


@dataclass(frozen=True)
class Steps:
    """The steps between usable rows that follow each other, and why a recording cannot go on over some."""

    seconds: Float64[np.ndarray, " step"]
    lacking: Bool[np.ndarray, " step"]  # rows are missing between
    too_long: Bool[np.ndarray, " step"]
    jump: Bool[np.ndarray, " step"]
    other_map: Bool[np.ndarray, " step"]

    @classmethod
    def of(cls, raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> "Steps":
        """The steps of a file's usable rows."""
        seconds = np.diff(raw.time_s[rows])
        typical = max(MISSING * np.median(seconds), UNEVEN * np.quantile(seconds, 0.95))
        none = np.zeros(len(seconds), dtype=bool)
        return cls(
            seconds=seconds,
            lacking=(seconds > typical) | (np.diff(rows) > 1),
            too_long=seconds > config.longest_gap_s,
            jump=jumps(raw, rows, config),
            other_map=none if raw.map_id is None else np.diff(raw.map_id[rows]) != 0,
        )

    @property
    def breaks(self) -> Bool[np.ndarray, " step"]:
        """Steps at which the recording is split."""
        return self.too_long | self.jump | self.other_map

    @property
    def worlds(self) -> Index:
        """A number for each row; where it is another, so may the origin be."""
        return np.concatenate([[0], np.cumsum(self.jump | self.other_map)])

    def sentences(self, raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> Iterator[str]:
        """A sentence for each kind of step that was bridged or split at."""
        empty = ~np.isfinite(raw.T_world_cpf).all(axis=1)
        if empty.any():
            where = place(raw, int(np.argmax(empty)))
            yield f"{counted(int(empty.sum()), 'row')} without a finite pose left out, the first at {where}"
        over = f"over {config.longest_gap_s:g} s split at"
        kinds = (
            (self.lacking & ~self.breaks, "gap", "bridged, the longest {longest:.3f} s"),
            (self.too_long, "gap", f"{over}, the longest {{longest:.3f}} s"),
            (self.jump & ~self.other_map, "jump", "split at"),
            (self.other_map, "change", "of the map split at"),
        )
        for which, name, done in kinds:
            if which.any():
                said = done.format(longest=self.seconds[which].max())
                where = place(raw, int(rows[np.argmax(which)]))
                yield f"{counted(int(which.sum()), name)} {said}, the first after {where}"


def jumps(raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> Bool[np.ndarray, " step"]:
    """Steps longer, or turns wider, than a head makes in their time, also when it goes on at its speed."""
    t, p, q = raw.time_s[rows], raw.T_world_cpf[rows, 4:], raw.T_world_cpf[rows, :4]
    seconds = np.diff(t)
    cos = np.abs(np.einsum("rq,rq->r", q[1:], q[:-1])).clip(max=1)
    turned = np.degrees(2 * np.arccos(cos)) > config.jump_deg + config.jump_deg_s * seconds
    most = config.jump_m + config.jump_m_s * seconds
    far = np.linalg.norm(np.diff(p, axis=0), axis=1) > most
    step = np.flatnonzero(far)
    before = np.minimum(np.searchsorted(t, t[step] - BESIDE_S), np.maximum(step - 1, 0))
    after = np.searchsorted(t, t[step + 1] + BESIDE_S, "right") - 1
    after = np.maximum(after, np.minimum(step + 2, len(t) - 1))
    speeds = [_speed(t, p, before, step), _speed(t, p, step + 1, after)]
    expected = 0.5 * sum(speeds) * seconds[step, None]
    far[step] = np.linalg.norm(p[step + 1] - p[step] - expected, axis=1) > most[step]
    return turned | far


def without_glitches(
    raw: RawHeadPath, rows: Index, config: HeadRepairConfig
) -> tuple[Int[np.ndarray, " kept"], list[str]]:
    """The rows without those that jump away for no longer than a gap may be and then jump back."""
    jump, t, p = np.flatnonzero(jumps(raw, rows, config)), raw.time_s[rows], raw.T_world_cpf[rows, 4:]
    away, back = jump[:-1], jump[1:] + 1  # the rows before and after
    seconds = t[back] - t[away]
    distance = np.linalg.norm(p[back] - p[away], axis=1)
    mendable = (seconds <= config.longest_gap_s) & (distance <= config.jump_m + config.fastest_m_s * seconds)
    keep, good_until = np.ones(len(rows), dtype=bool), -1
    for before, after in zip(away[mendable].tolist(), back[mendable].tolist(), strict=True):
        if before > good_until:
            keep[before + 1 : after] = False
            good_until = after - 1
    if keep.all():
        return rows, []
    count, where = counted(int((~keep).sum()), "row"), place(raw, int(rows[np.argmin(keep)]))
    return rows[keep], [f"{count} that jumped away left out, the first at {where}"]


def frozen(raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> Bool[np.ndarray, " row"]:
    """Rows of a pose that stays the same, to the last digit, for as long as tracking is then lost."""
    T = raw.T_world_cpf[rows]
    run = np.concatenate([[0], np.cumsum((T[1:] != T[:-1]).any(axis=1))])
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    ends = np.append(starts[1:], len(rows)) - 1
    return (raw.time_s[rows[ends]] - raw.time_s[rows[starts]] >= config.frozen_s)[run]


def poor(raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> Bool[np.ndarray, " row"]:
    """Rows of which the file itself says that tracking was poor."""
    if raw.quality is None:
        return np.zeros(len(rows), dtype=bool)
    return raw.quality[rows] < config.least_quality


def _speed(
    t: Float64[np.ndarray, " row"],
    p: Float64[np.ndarray, "row 3"],
    first: Int[np.ndarray, " step"],
    last: Int[np.ndarray, " step"],
) -> Float64[np.ndarray, "step 3"]:
    """Mean velocity from one row to another; 0 where they are the same row."""
    return (p[last] - p[first]) / np.where(last > first, t[last] - t[first], 1)[:, None]
