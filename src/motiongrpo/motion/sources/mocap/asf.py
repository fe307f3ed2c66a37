"""ASF: the skeleton of takes in Acclaim's other format, AMC.

Directions and axes are given in the axes of the whole body at zero angles, where every bone has the
orientation of the world. A bone stands for the joint at its start. The format has no unit of length; lengths
are taken as inches divided by `length`, which is CMU's convention.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import END
from motiongrpo.motion.sources.mocap.bvh_hierarchy import MOST_JOINTS
from motiongrpo.motion.sources.mocap.euler_channels import joint_rotations

INCH_M = 0.0254
ROOT = "root"
SECTIONS = ("units", "root", "bonedata", "hierarchy")
DOF = ("tx", "ty", "tz", "rx", "ry", "rz")

Fields = Mapping[str, Sequence[str]]
"""The lines of a block: the words after each keyword."""


@dataclass(frozen=True)
class Asf:
    """A skeleton, parents first; the free end of a chain is a joint too, `ltoes.end`."""

    where: str  # names the file in messages
    unit_m: float
    degrees: bool
    names: tuple[str, ...]
    parents: tuple[int, ...]  # −1 for the root
    offsets: Float[np.ndarray, "joint 3"]  # from the parent, in the unit of the file
    q_body_axes: Float[Tensor, "joint 4"]  # the axes of each bone's rotation
    dof: tuple[tuple[str, ...], ...]  # the channels of each joint in an AMC file


@dataclass(frozen=True)
class _Bone:
    end: np.ndarray  # from its start
    axes: tuple[tuple[str, float], ...]  # angles of its axes, each about axes turned by the angles before
    dof: tuple[str, ...]


def parse_asf(text: str, where: str) -> Asf:
    """The skeleton in an ASF file, which `where` names in messages."""
    sections = _sections(text, where)
    units = _fields(sections["units"])
    angle = _words(units, "angle", where)[0]
    if angle not in ("deg", "rad"):
        raise InputError(f"{where}: 'angle' must be deg or rad, got '{shown(angle)}'")
    (length,) = _numbers(_words(units, "length", where), 1, where)
    if length <= 0:
        raise InputError(f"{where}: 'length' must be above 0, got {length}")
    bones = {ROOT: _root(_fields(sections["root"]), where)}
    blocks = _blocks(sections["bonedata"])
    if len(blocks) > MOST_JOINTS:
        raise InputError(f"{where}: it has {len(blocks)} bones, and a skeleton has some hundred at most")
    for block in blocks:
        name = _words(block, "name", where)[0]
        if name in bones:
            raise InputError(f"{where}: bone '{shown(name)}' is described twice")
        bones[name] = _bone(block, f"{where}, bone '{shown(name)}'")
    parents = _parents(sections["hierarchy"], bones, where)
    tips = {name + END: name for name in bones if name not in parents.values()}
    names = (ROOT, *parents, *tips)
    still = _Bone(np.zeros(3), (), ())
    of_joint = [bones.get(name, still) for name in names]
    ends = [bones[parent].end for parent in (parents | tips).values()]
    return Asf(
        where=where,
        unit_m=INCH_M / length,
        degrees=angle == "deg",
        names=names,
        parents=(-1, *(names.index(parent) for parent in (parents | tips).values())),
        offsets=np.stack([np.zeros(3), *ends]),
        q_body_axes=_rotations([bone.axes for bone in of_joint], angle == "deg"),
        dof=tuple(bone.dof for bone in of_joint),
    )


def _sections(text: str, where: str) -> dict[str, list[str]]:
    """The lines under each `:keyword`, without comments and blank lines."""
    lines: list[str] = []
    sections = {"": lines}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith(":"):
            lines = sections[words[0][1:].lower()] = []
        elif words and not words[0].startswith("#"):
            lines.append(line)
    if missing := [name for name in SECTIONS if name not in sections]:
        raise InputError(f"{where} has no ':{missing[0]}' section: it is no ASF file, or its end is missing")
    return sections


def _fields(lines: Sequence[str]) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in map(str.split, lines)}


def _blocks(lines: Sequence[str]) -> list[dict[str, list[str]]]:
    """The fields between each `begin` and `end`."""
    blocks, start = [], 0
    for number, line in enumerate(lines):
        if line.strip() == "begin":
            start = number + 1
        elif line.strip() == "end":
            blocks.append(_fields(lines[start:number]))
    return blocks


def _root(fields: Fields, where: str) -> _Bone:
    if any(_numbers(_words(fields, "position", where), 3, where)):
        raise InputError(f"{where}: the root's 'position' must be 0 0 0; move the take in its AMC instead")
    order = tuple(word.lower() for word in _words(fields, "order", where))
    axes = [*_words(fields, "orientation", where), *_words(fields, "axis", where)]
    return _Bone(np.zeros(3), _axes(axes, where), _dof(order, where))


def _bone(fields: Fields, where: str) -> _Bone:
    direction = np.array(_numbers(_words(fields, "direction", where), 3, where))
    (length,) = _numbers(_words(fields, "length", where), 1, where)
    axes = _axes(_words(fields, "axis", where), where)
    dof = _dof(tuple(word.lower() for word in fields.get("dof", ())), where)
    if not set(dof) <= {"rx", "ry", "rz"}:
        raise InputError(f"{where}: a bone may only turn, got 'dof {shown(' '.join(dof))}'")
    return _Bone(direction * length, axes, dof)


def _dof(words: tuple[str, ...], where: str) -> tuple[str, ...]:
    if unknown := [word for word in words if word not in DOF]:
        raise InputError(
            f"{where}: '{shown(unknown[0])}' is not a degree of freedom; there are {', '.join(DOF)}"
        )
    return words


def _axes(words: Sequence[str], where: str) -> tuple[tuple[str, float], ...]:
    """The angles of a line such as `0 0 20 XYZ`: rotations about fixed axes in the order at its end."""
    order = words[-1].lower()
    if sorted(order) != ["x", "y", "z"]:
        raise InputError(
            f"{where}: an axis needs three angles and their order such as XYZ, got '{shown(' '.join(words))}'"
        )
    angles = dict(zip("xyz", _numbers(words[:-1], 3, where), strict=True))
    return tuple((axis, angles[axis]) for axis in reversed(order))


def _rotations(joints: Sequence[tuple[tuple[str, float], ...]], degrees: bool) -> Float[Tensor, "joint 4"]:
    angles = [angle for axes in joints for _, angle in axes]
    column = itertools.count()
    channels = [[(axis, next(column)) for axis, _ in axes] for axes in joints]
    return joint_rotations(np.array([angles]), channels, degrees)[0]


def _parents(lines: Sequence[str], bones: Mapping[str, _Bone], where: str) -> dict[str, str]:
    """The parent of each bone, parents first."""
    parents: dict[str, str] = {}
    for parent, *children in map(str.split, lines):
        for child in children:
            if child not in bones or child in parents or (parent != ROOT and parent not in parents):
                raise InputError(
                    f"{where}: the hierarchy hangs '{shown(child)}' on '{shown(parent)}', "
                    "which makes no tree of bones"
                )
            parents[child] = parent
    if loose := [name for name in bones if name != ROOT and name not in parents]:
        raise InputError(f"{where}: bone '{shown(loose[0])}' is not in the hierarchy")
    return parents


def _words(fields: Fields, keyword: str, where: str) -> Sequence[str]:
    if not fields.get(keyword):
        raise InputError(f"{where}: '{keyword}' is missing: the file is cut or damaged, get it again")
    return fields[keyword]


def _numbers(words: Sequence[str], count: int, where: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        wanted = "a number" if count == 1 else f"{count} numbers"
        raise InputError(f"{where}: expected {wanted}, got '{shown(' '.join(words))}'")
    return numbers
