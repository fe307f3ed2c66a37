"""The two forms of a head's path: rows as a file gives them, and stretches that a model can be given."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

Origin = Literal["floor", "unknown"]
"""What the format says of z = 0: that it is the floor, or nothing."""


@dataclass(frozen=True)
class RawHeadPath:
    """The rows of one file, turned into the project's axes and moved to the eyes; nothing is repaired.

    The world is right-handed, z up, in metres; a pose is that of the central pupil frame, `wxyz` then
    position. A row whose numbers are not finite is NaN throughout.
    """

    name: str  # of the file
    format: str  # as `recovery.format` names it
    line: Int[np.ndarray, " row"]  # of the file, counted from 1, for sentences
    time_s: Float64[np.ndarray, " row"]  # by the file's own clock
    T_world_cpf: Float64[np.ndarray, "row 7"]
    origin: Origin
    map_id: Int[np.ndarray, " row"] | None  # another number, another map: no pose compares across
    quality: Float64[np.ndarray, " row"] | None  # of tracking, 0 to 1, where the file says it
    notes: tuple[str, ...]  # what the reader left out or decided, a sentence each


class Touch(IntFlag):
    """Why a frame is not what the headset said; bits, since several may hold."""

    NONE = 0
    GAP = 1  # bridged, or known from one side only, where no rows are near enough
    JITTER = 2  # in a second that trembles more than heads do: kept, and doubted
    FROZEN = 4  # the tracker repeated itself: kept, and doubted
    TRACKING = 8  # the file itself says that tracking was poor


@dataclass(frozen=True)
class Stretch:
    """An unbroken part of a recording at the model's rate, its floor at z = 0."""

    T_world_cpf: Float[Tensor, "frame 7"]
    source_s: Float[Tensor, " frame"]  # float64: each frame's time by the file's clock
    touched: Int[Tensor, " frame"]  # bits of `Touch`

    def __len__(self) -> int:
        return len(self.T_world_cpf)


@dataclass(frozen=True)
class Floor:
    """The height of the floor in the file's world, and how it was found."""

    height_m: float  # above the file's z = 0
    how: Literal["given", "format", "estimated"]
    sure_m: float  # half the width of a 90 % interval; 0 where it is given


@dataclass(frozen=True)
class HeadRecording:
    """A whole recording, ready for a model, and everything a reader of the report should know of it."""

    name: str
    format: str
    fps: float
    stretches: tuple[Stretch, ...]  # in the order of time; each is recovered by itself
    floor: Floor
    facts: dict[str, float | int | str]  # rows, seconds, rate, longest step, …
    warnings: tuple[str, ...]  # a sentence each
    repairs: tuple[str, ...]  # what was changed and where, a sentence each

    def touched(self) -> Int[Tensor, " frame"]:
        """The bits of all stretches, one after the other."""
        return torch.cat([stretch.touched for stretch in self.stretches])
