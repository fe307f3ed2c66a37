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
import torch
from jaxtyping import Float

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import Chain, lineage
from motiongrpo.motion.sources.mocap.bvh_hierarchy import POSITIONS, Hierarchy, parse_hierarchy
from motiongrpo.motion.sources.mocap.bvh_rows import lines_in, read_rows
from motiongrpo.motion.sources.mocap.euler_channels import joint_rotations
from motiongrpo.motion.sources.mocap.position_channels import PositionChannels, meaning

PIECE = 1 << 18  # characters of rows that are parsed at a time
PIECE_FRAMES = 2048  # frames of one piece of a take
COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Bvh:
    """A BVH file as it is written, in its own unit, axes and angles."""

    where: str  # names the file in messages
    hierarchy: Hierarchy
    fps: float
    values: Float[np.ndarray, "frame channel"]

    def frames(self, start: int, stop: int) -> "Bvh":
        """The frames [start, stop)."""
        return replace(self, values=self.values[start:stop])


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
    while piece := (text.read(PIECE) + text.readline()).encode():
        values = read_rows(piece, channels, empty.where, line, seen)
        line, seen = line + lines_in(piece), seen + len(values)
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
    kept, parents = lineage(tree.parents, map(tree.names.index, wanted))
    t_parent_joint = torch.from_numpy(tree.offsets[kept]).T[..., None].repeat(1, 1, len(bvh.values))
    turns: list[list[tuple[str, int]]] = [[] for _ in kept]
    for place, joint in enumerate(kept):
        for channel, column in tree.columns[joint].items():
            if channel in POSITIONS:
                axis = POSITIONS.index(channel)
                means = meaning(tree.names[joint], position_channels, bvh.where)
                offset = tree.offsets[joint, axis] if means == "added_to_offset" else 0.0
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
