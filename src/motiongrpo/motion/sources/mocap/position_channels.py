"""Position channels of BVH joints with an OFFSET, which some exporters add to it and others write instead.

A file does not say which, and both may occur in one: Blender adds those of the root and replaces the others.
Numbers that repeat the OFFSET, or that stay at zero, reveal a misreading.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import Axis
from motiongrpo.motion.sources.mocap.bvh_hierarchy import POSITIONS, Hierarchy
from motiongrpo.motion.sources.patterns import first_match

Meaning = Literal["added_to_offset", "instead_of_offset"]
PositionChannels = Meaning | dict[str, Meaning]
"""The meaning of position channels, for all joints or by pattern of names, where the first match decides."""

ALIKE = 0.1  # of an OFFSET's length: positions this near to it repeat it, this near to zero are zero
SHOWN = 3  # joints named in a message
HIPS_M = 0.3  # a higher OFFSET of the root is the height of hips above the floor


def meaning(joint: str, channels: PositionChannels, where: str) -> Meaning:
    """What the position channels of a joint mean; InputError where no pattern fits its name."""
    if not isinstance(channels, dict):
        return channels
    found: Meaning | None = first_match(joint, channels, None)
    if found is None:
        raise InputError(
            f"{where}: no pattern of 'position_channels' fits joint '{shown(joint)}'; add one, or \"*\" "
            "for all others"
        )
    return found


def check_position_channels(
    tree: Hierarchy,
    values: Float[np.ndarray, "frame channel"],
    channels: PositionChannels,
    vertical: tuple[Axis, float],
    where: str,
) -> None:
    """Raise InputError, with the remedy, where the numbers contradict the layout.

    `vertical` is the axis of the file that points up, and its unit in metres: a root is judged by its height.
    """
    up, unit_m = "xyz".index(vertical[0]), vertical[1]
    kept: dict[str, Meaning] = {}
    denied: dict[str, Meaning] = {}
    for name, offset, position in _positions(tree, values):
        said = meaning(name, channels, where)
        if name == tree.names[0]:
            offset, position = offset[up : up + 1], position[up : up + 1]
        size = np.linalg.norm(offset)
        if size == 0 or (name == tree.names[0] and size * unit_m < HIPS_M):
            continue
        if said == "added_to_offset" and np.linalg.norm(position - offset) < ALIKE * size:
            denied[name] = "instead_of_offset"
        elif said == "instead_of_offset" and np.linalg.norm(position) < ALIKE * size:
            denied[name] = "added_to_offset"
        else:
            kept[name] = said
    if denied:
        raise InputError(f"{where}: {_remedy(denied, kept)}")


def _positions(
    tree: Hierarchy, values: Float[np.ndarray, "frame channel"]
) -> Iterator[tuple[str, Float[np.ndarray, "3"], Float[np.ndarray, "3"]]]:
    """Name, OFFSET and median position of each joint that has all three position channels."""
    joints = [joint for joint, columns in enumerate(tree.columns) if columns.keys() >= set(POSITIONS)]
    places = [tree.columns[joint][channel] for joint in joints for channel in POSITIONS]
    medians = np.median(values[:, places], axis=0).reshape(-1, 3)
    for joint, median in zip(joints, medians, strict=True):
        yield tree.names[joint], tree.offsets[joint], median


def _remedy(denied: dict[str, Meaning], kept: dict[str, Meaning]) -> str:
    """The error about misread joints; the layout that it proposes lists whichever joints are fewer."""
    name, right = next(iter(denied.items()))
    few, many = sorted((denied, kept), key=len)
    listed = ", ".join(f'"{shown(joint, 40)}": {said}' for joint, said in list(few.items())[:SHOWN])
    layout = f'{{{listed}, "*": {next(iter(many.values()))}}}' if few else right
    does = (
        "repeat its OFFSET and so replace it"
        if right == "instead_of_offset"
        else "lack its OFFSET and so add to it"
    )
    return (
        f"the position channels of joint '{shown(name)}' {does}; give its rig a layout in 'layouts' with "
        f"'position_channels: {layout}'"
    )
