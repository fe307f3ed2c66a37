"""The path of the head joint of a BVH skeleton: no headset's, for trying things out on motion capture."""

import re

import numpy as np

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.head.formats.config import HeadFormatConfig, WorldAxes
from motiongrpo.head.formats.poses import FilePoses
from motiongrpo.head.formats.text import Sheet
from motiongrpo.motion.rig import rig_poses
from motiongrpo.motion.sources.mocap.bvh import Bvh, bvh_chain, parse_bvh
from motiongrpo.motion.sources.mocap.layouts import BVH_LAYOUTS
from motiongrpo.motion.sources.mocap.position_channels import PositionChannels

LISTED = 120  # characters of the joints that a message names


def read_bvh(sheet: Sheet, config: HeadFormatConfig) -> FilePoses:
    """Head poses in the units of the file; the layouts of motion capture know unit and up of their rigs."""
    text = sheet.path.read_text(encoding=sheet.encoding, errors="replace")
    bvh = parse_bvh(text, sheet.where)
    joint, position_channels, world = _head(bvh, config)
    chain = bvh_chain(bvh, [joint], position_channels)
    poses = rig_poses(chain, {"head": joint}, unit_m=1.0, up="z", where=sheet.where)  # axes as they are
    frames = len(poses)
    before = text.index("Frame Time") + 1
    numbers = [
        number
        for number, line in enumerate(text[before:].split("\n")[1:], text.count("\n", 0, before) + 2)
        if line.strip()
    ]
    return FilePoses(
        where=sheet.where,
        line=np.array(numbers[:frames]),
        time_s=np.arange(frames) / bvh.fps,
        R=matrix_from_quaternion(poses.orientations(["head"])[:, 0]).numpy(),
        p=poses.positions(["head"])[:, 0].numpy(),
        notes=(f"the path is that of joint '{joint}' at the {bvh.fps:g} frames/s of the header",),
        world=world,
    )


def _head(bvh: Bvh, config: HeadFormatConfig) -> tuple[str, PositionChannels, WorldAxes | None]:
    """The head joint, what its position channels mean, and the world where a known layout says it."""
    names = bvh.hierarchy.names
    for layout in BVH_LAYOUTS.values():
        if set(layout.joints.values()) <= set(names):
            world = WorldAxes(up=layout.up, handedness="right", unit_m=layout.unit_m)
            return layout.joints["head"], layout.position_channels, world
    heads = [name for name in names if re.split("[:_]", name)[-1].lower() == "head"]
    if len(heads) != 1:
        listed = shown(", ".join(f"'{name}'" for name in heads or names), LISTED)
        raise InputError(f"{bvh.where} has {len(heads)} joints named Head, not one; it has {listed}")
    return heads[0], "added_to_offset", None
