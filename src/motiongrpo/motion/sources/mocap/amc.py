"""AMC: the joint angles of one take on an ASF skeleton, in Acclaim's format.

The local rotation of a bone is C M Cᵀ, with C its axes in the skeleton and M the rotation by its angles about
fixed axes in the order they are listed (`rx ry rz` is R_z R_y R_x). The files state no frame rate.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float
from pyarrow import compute as pc

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.geometry.quaternions import inverse, product
from motiongrpo.motion.rig import Chain, lineage
from motiongrpo.motion.sources.mocap.asf import Asf
from motiongrpo.motion.sources.mocap.euler_channels import joint_rotations

FRAME_NUMBER = re.compile(r"^[ \t]*([0-9]+)[ \t\r]*$", re.MULTILINE)

MOST_DIGITS = 9  # of a frame's number


@dataclass(frozen=True)
class Amc:
    """A take as in its file, in the units of the file, with the skeleton that it belongs to."""

    where: str  # names the file in messages
    asf: Asf
    channels: tuple[tuple[str, str], ...]  # bone and degree of freedom of each column
    values: Float[np.ndarray, "frame channel"]


def parse_amc(text: str, asf: Asf, where: str) -> Amc:
    """The take of an AMC file, which `where` names in messages, on the skeleton `asf`."""
    start = FRAME_NUMBER.search(text)
    if start is None:
        raise InputError(f"{where} has no frames: each starts with its number on a line of its own")
    other_unit = ":RADIANS" if asf.degrees else ":DEGREES"
    if other_unit in text[: start.start()].upper():
        raise InputError(f"{where} says {other_unit} and its skeleton {asf.where} does not: they are no pair")
    body = text[start.start() :]
    if len(start[1]) > MOST_DIGITS:
        raise InputError(
            f"{where}: the first frame has the number '{shown(start[1], 20)}'; get the file again"
        )
    bones = _bones(FRAME_NUMBER.split(body, maxsplit=2)[2], asf, where)
    values = _table(body, bones)
    if values is None:
        raise InputError(_first_fault(body, bones, where))
    channels = tuple((bone, dof) for bone, dofs in bones.items() for dof in dofs)
    if not np.isfinite(values).all():
        frame, column = np.argwhere(~np.isfinite(values))[0]
        bone, value = channels[column][0], values[frame, column]
        raise InputError(f"{where}, frame {frame + 1}: '{bone}' has {value}; cut the take around it")
    return Amc(where, asf, channels, values)


def amc_chain(amc: Amc, wanted: Iterable[str]) -> Chain:
    """Local rotations and translations of the wanted bones and of all their ancestors."""
    asf = amc.asf
    kept, parents = lineage(asf.parents, map(asf.names.index, wanted))
    columns = {channel: column for column, channel in enumerate(amc.channels)}
    t_parent_joint = torch.from_numpy(asf.offsets[kept]).T[..., None].repeat(1, 1, len(amc.values))
    turns: list[list[tuple[str, int]]] = [[] for _ in kept]
    for place, joint in enumerate(kept):
        for dof in asf.dof[joint]:
            column = columns[asf.names[joint], dof]
            if dof.startswith("t"):
                t_parent_joint["xyz".index(dof[1]), place] += torch.from_numpy(amc.values[:, column])
            else:  # about fixed axes: the rotation listed last is applied last
                turns[place].insert(0, (dof[1], column))
    C, M = asf.q_body_axes[kept], joint_rotations(amc.values, turns, asf.degrees)
    return Chain(
        parents=parents,
        names=tuple(asf.names[joint] for joint in kept),
        q_parent_joint=product(product(C, M), inverse(C)),
        t_parent_joint=t_parent_joint.permute(2, 1, 0),
    )


def _bones(frame: str, asf: Asf, where: str) -> dict[str, tuple[str, ...]]:
    """The bones in the order of the first frame, each with the channels that the skeleton gives it."""
    moving = {name: dof for name, dof in zip(asf.names, asf.dof, strict=True) if dof}
    order = [line.split()[0] for line in frame.splitlines() if line.strip()]
    if sorted(order) != sorted(moving):
        odd = shown((sorted(set(order) ^ set(moving)) or order)[0])
        raise InputError(
            f"{where}: its first frame and the skeleton {asf.where} differ in '{odd}': they are no pair"
        )
    return {name: moving[name] for name in order}


def _table(body: str, bones: Mapping[str, tuple[str, ...]]) -> Float[np.ndarray, "frame channel"] | None:
    """The numbers, one row per frame; None where a frame is not laid out like the first."""
    widths = [1, *(1 + len(dofs) for dofs in bones.values())]
    words = pc.call_function("utf8_split_whitespace", [pa.array([body.strip()])]).flatten()
    if len(words) % sum(widths):
        return None
    places = np.arange(len(words)).reshape(-1, sum(widths))
    number, *names = np.cumsum([0, *widths[:-1]])
    if not words.take(places[:, names].ravel()).equals(pa.array(list(bones) * len(places))):
        return None
    values = words.take(np.delete(places, [number, *names], axis=1).ravel())
    try:
        numbers = np.array(words.take(places[:, number]).to_pylist(), dtype=object).astype(np.int64)
        values = _numbers(values).reshape(len(places), -1)
    except (ValueError, OverflowError):
        return None
    return values if (np.diff(numbers) == 1).all() else None


def _numbers(words: pa.StringArray) -> Float[np.ndarray, " word"]:
    """Numbers, with equal bits by either reader: Arrow is fast, Python accepts more forms, such as `+1`."""
    try:
        return np.array(words.cast(pa.float64()))
    except pa.ArrowInvalid:
        return np.array(words.to_pylist(), dtype=object).astype(np.float64)


def _first_fault(body: str, bones: Mapping[str, tuple[str, ...]], where: str) -> str:
    """The error about the first frame whose layout differs from that of frame one."""
    pieces = FRAME_NUMBER.split(body)[1:]
    expected = int(pieces[0])
    for number, frame in zip(pieces[::2], pieces[1::2], strict=True):
        if number.lstrip("0") != str(expected).lstrip("0"):
            found = shown(number, 20)
            return f"{where}: frame {expected} is missing, {found} stands in its place; get the file again"
        lines = [line.split() for line in frame.splitlines() if line.strip()]
        if [line[0] for line in lines] != list(bones):
            count = f"expected a line for each of {len(bones)} bones, got {len(lines)} lines"
            return f"{where}, frame {expected}: {count}; the file is cut or damaged there, get it again"
        for name, *words in lines:
            if len(words) != len(bones[name]) or not all(map(_is_number, words)):
                needed = f"'{shown(name)}' needs {len(bones[name])} numbers, got '{shown(' '.join(words))}'"
                return f"{where}, frame {expected}: {needed}; the file is damaged there, get it again"
        expected += 1
    return f"{where}: its frames are not tables of numbers; get the file again"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
