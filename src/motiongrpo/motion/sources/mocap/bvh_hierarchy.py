"""The hierarchy of a BVH file: a tree of joints with their offsets and channels."""

import itertools
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import END

POSITIONS, ROTATIONS = (tuple(f"{axis}{kind}" for axis in "XYZ") for kind in ("position", "rotation"))
CHANNELS = POSITIONS + ROTATIONS

MOST_JOINTS = 2000  # ten times those of a rig with a face and all fingers

KNOWN_TREES = 16  # trees kept: most takes of a folder are on the same few rigs


@dataclass(frozen=True)
class Hierarchy:
    """The joints of a file, parents first; the free end of a chain is a joint too, `LeftToeBase.end`.

    Names are without the namespace before a colon: `mixamorig:Hips` is `Hips`.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]  # −1 for the root
    offsets: Float[np.ndarray, "joint 3"]  # from the parent, in the unit of the file
    channels: tuple[tuple[str, ...], ...]  # of each joint, in the order of the file

    @cached_property
    def columns(self) -> tuple[dict[str, int], ...]:
        """The columns of each joint's channels."""
        column = itertools.count()
        return tuple({channel: next(column) for channel in channels} for channels in self.channels)

    def channel_names(self) -> list[str]:
        """The columns of the motion, `hip Xposition` and so on."""
        pairs = zip(self.names, self.channels, strict=True)
        return [f"{name} {channel}" for name, channels in pairs for channel in channels]


@dataclass
class _Draft:
    """The tree while it is being read; its messages follow the name of the file."""

    names: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    open_joints: list[int] = field(default_factory=list)

    def read(self, line: str, number: int) -> None:
        """Read one line of the hierarchy; lines are numbered from 1."""
        where = f", line {number}"
        match line.split():
            case [] | ["{"] | ["HIERARCHY"]:
                pass
            case ["}"]:
                self._close(where)
            case ["ROOT" | "JOINT" as kind, *words] if "".join(words).strip("{"):
                self._open(" ".join(words).rstrip("{ "), kind, where)
            case ["End", "Site"] | ["End", "Site", "{"] if self.open_joints:
                self._open(self.names[self.open_joints[-1]] + END, "End Site", where)
            case ["OFFSET", *numbers] if self.open_joints:
                self.offsets[self.open_joints[-1]] = _three_numbers(numbers, where)
            case ["CHANNELS", *words] if self.open_joints:
                self.channels[self.open_joints[-1]] = _channels(words, where)
            case _:
                raise InputError(f"{where}: '{shown(line)}' is not part of a BVH hierarchy")

    def _open(self, name: str, kind: str, where: str) -> None:
        name = without_namespace(name)
        if name in self.known:
            raise InputError(f"{where}: joint '{shown(name)}' occurs twice, so it cannot be told by its name")
        if (kind == "ROOT") == bool(self.names):
            raise InputError(f"{where}: expected one ROOT, first of all joints, got {kind} '{shown(name)}'")
        if len(self.names) == MOST_JOINTS:
            raise InputError(f"{where}: it has more than {MOST_JOINTS} joints, and a rig has some hundred")
        self.known.add(name)
        self.names.append(name)
        self.parents.append(self.open_joints[-1] if self.open_joints else -1)
        self.offsets.append(None)
        self.channels.append(())
        self.open_joints.append(len(self.names) - 1)

    def _close(self, where: str) -> None:
        if not self.open_joints:
            raise InputError(f"{where}: '}}' closes nothing")
        joint = self.open_joints.pop()
        if self.offsets[joint] is None:
            raise InputError(f"{where}: joint '{shown(self.names[joint])}' has no OFFSET")


def without_namespace(name: str) -> str:
    """A joint's name without the namespace, often the character's name, before its last colon."""
    return name.rpartition(":")[2] or name


def parse_hierarchy(text: str, where: str) -> Hierarchy:
    """The joint tree in the lines before MOTION."""
    try:
        return _tree(text)
    except InputError as error:
        raise InputError(f"{where}{error}") from None


@lru_cache(KNOWN_TREES)
def _tree(text: str) -> Hierarchy:
    draft = _Draft()
    for number, line in enumerate(text.split("\n"), start=1):
        draft.read(line, number)
    if draft.open_joints or not draft.names:
        last = draft.names[draft.open_joints[-1]] if draft.names else ""
        missing = f"joint '{shown(last)}' is not closed" if draft.names else "no ROOT"
        raise InputError(f": {missing} before MOTION: the hierarchy is cut, get the file again")
    offsets = np.array(draft.offsets, dtype=np.float64)
    return Hierarchy(tuple(draft.names), tuple(draft.parents), offsets, tuple(draft.channels))


def _three_numbers(words: list[str], where: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not np.isfinite(numbers).all():
        raise InputError(f"{where}: OFFSET must be three numbers, got '{shown(' '.join(words))}'")
    return numbers


def _channels(words: list[str], where: str) -> tuple[str, ...]:
    count, names = words[:1], tuple(words[1:])
    if count != [str(len(names))]:
        raise InputError(f"{where}: CHANNELS announces '{shown(' '.join(count))}' and names {len(names)}")
    if unknown := [name for name in names if name not in CHANNELS]:
        raise InputError(f"{where}: '{shown(unknown[0])}' is not a channel; BVH has {', '.join(CHANNELS)}")
    if len(set(names)) != len(names):
        raise InputError(f"{where}: a channel is named twice in '{shown(' '.join(names), 120)}'")
    return names
