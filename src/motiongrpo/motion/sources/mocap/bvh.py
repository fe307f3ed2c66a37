"""BVH, the text format of joint trees and Euler angles, read in one pass over its numbers, a piece at a time.

Biovision's convention: rotation channels apply in the order they are listed, each about axes turned by those
before (`Zrotation Yrotation Xrotation` is R_z R_y R_x), in degrees.
"""

import io
import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float
from pyarrow import compute as pc

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import Chain, lineage
from motiongrpo.motion.sources.mocap.bvh_hierarchy import Hierarchy, parse_hierarchy
from motiongrpo.motion.sources.mocap.euler_channels import joint_rotations
from motiongrpo.motion.sources.mocap.position_channels import PositionChannels, meaning

PIECE = 1 << 19  # characters of rows that are parsed at a time
PIECE_FRAMES = 2048  # frames of one piece of a take
COUNT = re.compile(r"[0-9]{1,9}")
GLUED = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?(?:[+-][0-9.]+(?:[eE][+-]?[0-9]+)?)+")
POSITIONS = ("Xposition", "Yposition", "Zposition")


@dataclass(frozen=True)
class Bvh:
    """A BVH file as it is written, in its own unit, axes and angles."""

    where: str  # names the file in messages
    hierarchy: Hierarchy
    fps: float
    values: Float[np.ndarray, "frame channel"]

    def at_zero_angles(self) -> "Bvh":
        """One frame, the first, with every rotation at zero."""
        rotates = [channel.endswith("rotation") for channel in self.hierarchy.channel_names()]
        return replace(self, values=np.where(rotates, 0.0, self.values[:1]))


def parse_bvh(text: str, where: str) -> Bvh:
    """The joint tree, frame rate and channel values of a BVH file, which `where` names in messages."""
    _, pieces = read_bvh(io.StringIO(text, newline=None), where)
    first, *others = pieces
    return replace(first, values=np.concatenate([first.values, *(piece.values for piece in others)]))


def read_bvh(text: io.TextIOBase, where: str) -> tuple[int, Iterator[Bvh]]:
    """The number of frames stated in a BVH file, and its motion in pieces of about 2,000 frames.

    The last piece raises InputError where there are more or fewer frames than stated.
    """
    empty, frames, first_line = _before_rows(text, where)
    return frames, _pieces(text, empty, frames, first_line)


def header_rate(text: io.TextIOBase, where: str) -> float:
    """The frames/s in the header of a BVH file; nothing after it is read."""
    _before_motion(text, where)
    return _timing(text, where)[1]


def _before_rows(text: io.TextIOBase, where: str) -> tuple[Bvh, int, int]:
    """The part before the rows: the take without rows, their stated number, and the line of the first."""
    head = _before_motion(text, where)
    hierarchy = parse_hierarchy("".join(head), where)
    frames, fps, lines = _timing(text, where)
    empty = Bvh(where, hierarchy, fps, np.empty((0, len(hierarchy.channel_names()))))
    return empty, frames, len(head) + 2 + lines


def _before_motion(text: io.TextIOBase, where: str) -> list[str]:
    """The lines of the hierarchy."""
    head: list[str] = []
    for line in text:
        if line.strip() == "MOTION":
            return head
        head.append(line)
    raise InputError(f"{where} has no MOTION block: it is not a BVH file, or its end is missing")


def _timing(text: io.TextIOBase, where: str) -> tuple[int, float, int]:
    """The number of frames, the frames/s, and the number of lines read."""
    frames, blank = _labelled(text, "Frames", where)
    if not COUNT.fullmatch(frames) or int(frames) == 0:
        raise InputError(f"{where}: 'Frames' must be a count of at least 1, got '{shown(frames)}'")
    time, more_blank = _labelled(text, "Frame Time", where)
    return int(frames), _frame_rate(time, where), blank + more_blank + 2


def _pieces(text: io.TextIOBase, empty: Bvh, frames: int, line: int) -> Iterator[Bvh]:
    """The rows from a line on, as takes of about PIECE_FRAMES frames each."""
    channels, seen = empty.hierarchy.channel_names(), 0
    waiting: list[np.ndarray] = []
    while piece := text.read(PIECE) + text.readline():
        rows = piece.split("\n")
        values = _table(rows, channels, empty.where, line)
        _demand_finite(values, channels, empty.where, seen)
        line, seen = line + len(rows) - 1, seen + len(values)
        waiting.append(values)
        if sum(map(len, waiting)) >= PIECE_FRAMES:
            yield replace(empty, values=np.concatenate(waiting))
            waiting = []
    if sum(map(len, waiting)):
        yield replace(empty, values=np.concatenate(waiting))
    if seen != frames:
        fault = "the file is cut, get it again" if seen < frames else "correct its 'Frames'"
        raise InputError(f"{empty.where} promises {frames} frames and holds {seen}: {fault}")


def bvh_chain(bvh: Bvh, wanted: Iterable[str], position_channels: PositionChannels) -> Chain:
    """Local rotations and translations of the wanted joints and of all their ancestors."""
    tree = bvh.hierarchy
    kept, parents = lineage(tree.names, tree.parents, wanted)
    pairs = [(joint, channel) for joint, channels in enumerate(tree.channels) for channel in channels]
    columns = {
        (kept.index(joint), channel): column for column, (joint, channel) in enumerate(pairs) if joint in kept
    }
    t_parent_joint = torch.from_numpy(tree.offsets[kept]).T[..., None].repeat(1, 1, len(bvh.values))
    turns: list[list[tuple[str, int]]] = [[] for _ in kept]
    for (place, channel), column in columns.items():
        if channel in POSITIONS:
            axis = POSITIONS.index(channel)
            means = meaning(tree.names[kept[place]], position_channels, bvh.where)
            offset = tree.offsets[kept[place], axis] if means == "added_to_offset" else 0.0
            t_parent_joint[axis, place] = torch.from_numpy(bvh.values[:, column] + offset)
        else:
            turns[place].append((channel[0].lower(), column))
    return Chain(
        names=tuple(tree.names[joint] for joint in kept),
        parents=parents,
        q_parent_joint=joint_rotations(bvh.values, turns, degrees=True),
        t_parent_joint=t_parent_joint.permute(2, 1, 0),
    )


def _labelled(text: io.TextIOBase, label: str, where: str) -> tuple[str, int]:
    """The value on the next line that is not blank, and the number of blank lines before it."""
    blank = 0
    while (line := text.readline()).isspace():
        blank += 1
    name, colon, value = line.strip().partition(":")
    if name.strip() != label or not colon:
        raise InputError(f"{where}: expected '{label}: …' after MOTION, got '{shown(line.strip(), 40)}'")
    return value.strip(), blank


def _frame_rate(frame_time: str, where: str) -> float:
    """Frames/s; a whole number where its frame time is printed like this (0.016667 is 60)."""
    try:
        time, exponent = float(frame_time), Decimal(frame_time).as_tuple().exponent
    except (ValueError, InvalidOperation):
        time, exponent = math.nan, 0
    if not 1 / sys.float_info.max < time < math.inf:
        raise InputError(
            f"{where}: 'Frame Time' must be a number of seconds above 0, got '{shown(frame_time)}'"
        )
    last_digit = 10.0 ** min(int(exponent), 0)
    whole = max(round(1 / time), 1)
    return float(whole if abs(1 / whole - time) <= max(last_digit / 2, 1e-9 * time) else 1 / time)


def _table(
    rows: list[str], channels: list[str], where: str, first_line: int
) -> Float[np.ndarray, "frame channel"]:
    """The numbers, one row per frame; blank lines are skipped."""
    frames = list(filter(None, map(str.strip, rows)))
    if not frames:
        return np.empty((0, len(channels)))
    try:
        values = _numbers(frames, len(channels))
    except ValueError as error:
        raise InputError(_first_fault(rows, channels, where, first_line)) from error
    if values.shape[1] != len(channels):
        raise InputError(_first_fault(rows, channels, where, first_line))
    return values


def _demand_finite(
    values: Float[np.ndarray, "frame channel"], channels: list[str], where: str, first_frame: int
) -> None:
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        frame, value = first_frame + row, values[row, column]
        raise InputError(f"{where}, frame {frame}: {channels[column]} is {value}; cut the take around it")


def _numbers(rows: list[str], columns: int) -> Float[np.ndarray, "frame column"]:
    """Numbers, with the same bits by either reader: Arrow is fast, NumPy accepts more forms, such as `+1`."""
    words = pc.call_function("ascii_split_whitespace", [pa.array(rows)])
    try:
        if (words.value_lengths().to_numpy() == columns).all():
            return words.flatten().cast(pa.float64()).to_numpy().reshape(-1, columns)
    except pa.ArrowInvalid:
        pass
    return np.loadtxt(rows, comments=None, ndmin=2)


def _first_fault(rows: list[str], channels: list[str], where: str, first_line: int) -> str:
    """The error about the first row that is not one number per channel."""
    for number, line in enumerate(rows, start=first_line):
        words = line.split()
        wrong = next((place for place, word in enumerate(words) if not _is_number(word)), None)
        if wrong is not None and GLUED.fullmatch(words[wrong]):
            glued = f"'{shown(words[wrong])}' is several numbers without a space between them"
            return f"{where}, line {number}: {glued}; put spaces there, or export the file again"
        if words and len(words) != len(channels):
            count = f"expected {len(channels)} numbers, one per channel, got {len(words)}"
            odd = "" if wrong is None else f", and '{shown(words[wrong])}' is none"
            return f"{where}, line {number}: {count}{odd}; the file is cut or damaged there, get it again"
        if wrong is not None:
            return f"{where}, line {number}: {channels[wrong]} must be a number, got '{shown(words[wrong])}'"
    return f"{where}: its motion is not a table of numbers; get the file again"


def _is_number(word: str) -> bool:
    """Whether a word is a number, without the underscores between digits that Python allows."""
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word
