"""Takes of motion capture on any rig, as clips of our body.

A take is parsed (`parse_bvh`, or `parse_asf` and `parse_amc`), its joints are converted to our names, metres
and z up by the layout of its rig, and its motion is retargeted (`bvh_clip`, `amc_clip`).
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, count, repeat

import torch

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.motion.clip import Clip, Take
from motiongrpo.motion.frame_rate import FrameRate, check_frame_rate
from motiongrpo.motion.retarget import Fit, Motion, fit_to_rig
from motiongrpo.motion.rig import RigPoses, rig_poses
from motiongrpo.motion.sources.mocap.amc import Amc, amc_chain
from motiongrpo.motion.sources.mocap.bvh import Bvh, bvh_chain
from motiongrpo.motion.sources.mocap.layouts import (
    ASFAMC_JOINTS,
    ASFAMC_UP,
    BVH_LAYOUTS,
    BvhLayout,
    recognise_layout,
)
from motiongrpo.motion.sources.mocap.position_channels import check_position_channels
from motiongrpo.motion.sources.patterns import first_match_of_path
from motiongrpo.motion.t_pose import LIMB_JOINTS, check_t_pose, limb_directions, starts_in_t_pose

MOST_FRAMES = 7_200  # of a clip: one minute at 120 frames/s, four at 30


class MocapConfig(Config):
    """A folder of motion capture: what it is, and what its files do not specify.

    In a table by patterns, such as `salsa_*` or `hdm05/*`, the first match decides. A pattern with a slash is
    matched with a take's path below the folder, one without a slash with its name alone.
    """

    source: str  # name of the collection
    licence: str
    sources: dict[str, str]  # by pattern: another collection in the same folder
    licences: dict[str, str]  # of these collections, by name
    amc_fps: FrameRate  # AMC files do not state theirs
    fps: dict[str, FrameRate]  # by pattern: the true frames/s where a BVH file is wrong, and of AMC files
    subjects: dict[str, str]  # by pattern: who moves, where the name is not like CMU's 07_12
    activities: dict[str, str]  # by pattern: what the subject does
    rest_takes: dict[str, str]  # by layout: the take whose first frame is its T-pose
    layouts: dict[str, BvhLayout]  # of rigs by name, beside those of `layouts.BVH_LAYOUTS`


def bvh_take(
    frames: int,
    pieces: Iterator[Bvh],
    name: str,
    rest_poses: Mapping[str, RigPoses],
    model: BodyModel,
    config: MocapConfig,
) -> Take:
    """A BVH take of `frames` frames on our body, in clips of about MOST_FRAMES at most.

    Clips are read and retargeted one at a time. `rest_poses` has, by layout, the T-poses that come from
    another take.
    """
    reading, first = _reading(next(pieces), name, rest_poses, model, config)
    stretches, moving = math.ceil(frames / MOST_FRAMES), max(frames - reading.skipped, 0)
    poses = chain([first], map(reading.poses, pieces))
    motion = _stretches(reading, poses, math.ceil(frames / stretches))
    names = repeat(name) if stretches == 1 else (f"{name}.{number}" for number in count(1))
    clips = map(partial(_clip, fps=reading.fps, take=name, config=config), names, motion)
    reason = "" if stretches == 1 else f"kept as {stretches} sequences of {MOST_FRAMES} frames at most"
    return Take(clips, moving / reading.fps, reason)


def bvh_clip(
    bvh: Bvh, name: str, rest_poses: Mapping[str, RigPoses], model: BodyModel, config: MocapConfig
) -> Clip:
    """A BVH take on our body as one clip."""
    reading, poses = _reading(bvh, name, rest_poses, model, config)
    (motion,) = _stretches(reading, iter([poses]), len(poses))
    return _clip(name, motion, reading.fps, name, config)


def rest_pose(bvh: Bvh, config: MocapConfig) -> tuple[str, RigPoses]:
    """The layout of a take, and its first frame as the T-pose of all takes in that layout."""
    name, layout = _layout(bvh, config)
    return name, _bvh_poses(bvh.frames(0, 1), layout)


def amc_clip(amc: Amc, name: str, model: BodyModel, config: MocapConfig) -> Clip:
    """An ASF/AMC take on our body; the T-pose is the pose with all angles zero."""
    fps = first_match_of_path(name, config.fps, config.amc_fps)
    poses = _amc_poses(amc)
    fit = fit_to_rig(poses.at_zero_angles(ASFAMC_UP), model)
    poses = poses.frames(int(starts_in_t_pose(poses, fit.limbs)), len(poses))
    _demand_motion(len(poses), amc.where)
    return _clip(name, fit.motion(poses, travel=1.0), fps, name, config)


def subject_of(name: str, config: MocapConfig) -> str:
    """The subject of a take: by the table, or the first number of a name such as CMU's 07_12."""
    number = re.fullmatch(r"(\d+)_\d+", name.rpartition("/")[2])
    subject = first_match_of_path(name, config.subjects, number[1] if number else "")
    if not subject:
        raise InputError(f"nothing says whose motion '{name}' is: add a pattern that fits it to 'subjects'")
    return subject


@dataclass(frozen=True)
class _Reading:
    """How a take is read, as its layout and its first frames determine."""

    layout: BvhLayout
    fps: float
    fit: Fit
    skipped: int  # frames in front of the motion

    def poses(self, bvh: Bvh) -> RigPoses:
        """The poses of a piece of the take."""
        return _bvh_poses(bvh, self.layout)

    def motion(self, poses: RigPoses) -> Motion:
        """The motion of our body in a piece of the take."""
        return self.fit.motion(poses, self.layout.travel)


def _reading(
    bvh: Bvh, name: str, rest_poses: Mapping[str, RigPoses], model: BodyModel, config: MocapConfig
) -> tuple[_Reading, RigPoses]:
    """How a take is read, determined by its first piece, and the poses of this piece."""
    layout_name, layout = _layout(bvh, config)
    vertical = layout.up, layout.unit_m
    check_position_channels(bvh.hierarchy, bvh.values, layout.position_channels, vertical, bvh.where)
    fps = first_match_of_path(name, config.fps, bvh.fps)
    check_frame_rate(fps, bvh.where, "correct its 'Frame Time', or name the true rate in ingestion.mocap.fps")
    poses = _bvh_poses(bvh, layout)
    fit = _fit(poses, layout_name, layout, rest_poses, model)
    moving = poses.frames(layout.leading_frames, layout.leading_frames + 2)
    skipped = layout.leading_frames + int(starts_in_t_pose(moving, fit.limbs))
    return _Reading(layout, fps, fit, skipped), poses


def _fit(
    poses: RigPoses, name: str, layout: BvhLayout, rest_poses: Mapping[str, RigPoses], model: BodyModel
) -> Fit:
    """How our body follows a rig, by the T-pose that its layout names."""
    match layout.t_pose:
        case "zero":
            return _fit_at_zero_angles(poses, layout, model)
        case "first_frame":
            return fit_to_rig(poses.frames(0, 1), model)
        case "rest_frame":
            if name not in rest_poses:
                raise InputError(
                    f"{poses.where}: layout '{name}' takes its T-pose from another take; "
                    f"name one that starts in a T-pose under 'rest_takes' (07_03 among CMU's for iClone)"
                )
            return fit_to_rig(rest_poses[name], model)


def _fit_at_zero_angles(poses: RigPoses, layout: BvhLayout, model: BodyModel) -> Fit:
    """`fit_to_rig`, whose InputError names the other axis where the rig is upright only with that one up."""
    try:
        return fit_to_rig(poses.at_zero_angles(layout.up), model)
    except InputError:
        other = "z" if layout.up == "y" else "y"
        if not _is_t_pose(poses.at_zero_angles(other)):
            raise
        raise InputError(
            f"{poses.where} stands upright where {other} is up, not {layout.up}; give its rig a layout "
            f"with 'up: {other}' in 'layouts'"
        ) from None


def _stretches(reading: _Reading, pieces: Iterator[RigPoses], length: int) -> Iterator[Motion]:
    """The motion of our body, in stretches of whole pieces of `length` frames or slightly more."""
    seen, waiting, where = 0, [], ""
    for poses in pieces:
        where = poses.where
        moving = poses.frames(max(reading.skipped - seen, 0), len(poses))
        seen += len(poses)
        if len(moving):
            waiting.append(reading.motion(moving))
        if sum(len(T_world_root) for _, T_world_root in waiting) >= length:
            yield _joined(_emptied(waiting))
    _demand_motion(seen - reading.skipped, where)
    if waiting:
        yield _joined(waiting)


def _emptied(parts: list[Motion]) -> list[Motion]:
    """The items of a list, which is emptied so that they are not held in memory twice."""
    taken = parts.copy()
    parts.clear()
    return taken


def _joined(parts: Iterable[Motion]) -> Motion:
    q_parent_joint, T_world_root = zip(*parts, strict=True)
    side_by_side = torch.cat([q.permute(2, 1, 0) for q in q_parent_joint], dim=-1)
    return side_by_side.permute(2, 1, 0), torch.cat(T_world_root)


def _demand_motion(frames: int, where: str) -> None:
    if frames < 1:
        raise InputError(f"{where} has no frame of motion after its T-pose")


def _clip(name: str, motion: Motion, fps: float, take: str, config: MocapConfig) -> Clip:
    """A clip of a take; the tables are looked up by the take's path."""
    q_parent_joint, T_world_root = motion
    source = first_match_of_path(take, config.sources, config.source)
    return Clip(
        name=name.rpartition("/")[2],
        source=source,
        subject=subject_of(take, config),
        activity=first_match_of_path(take, config.activities, ""),
        licence=config.licences.get(source, config.licence),
        fps=fps,
        betas=torch.zeros(SHAPE_COEFFICIENTS).to(T_world_root),
        q_parent_joint=q_parent_joint,
        T_world_root=T_world_root,
    )


def _layout(bvh: Bvh, config: MocapConfig) -> tuple[str, BvhLayout]:
    layouts = BVH_LAYOUTS | config.layouts
    name = recognise_layout(bvh.hierarchy.names, layouts, bvh.where)
    return name, layouts[name]


def _bvh_poses(bvh: Bvh, layout: BvhLayout) -> RigPoses:
    chain = bvh_chain(bvh, layout.joints.values(), layout.position_channels)
    return rig_poses(chain, layout.joints, layout.unit_m, layout.up, bvh.where)


def _is_t_pose(poses: RigPoses) -> bool:
    try:
        check_t_pose(limb_directions(poses.positions(LIMB_JOINTS)[0]), poses.where)
    except InputError:
        return False
    return True


def _amc_poses(amc: Amc) -> RigPoses:
    if missing := [bone for bone in ASFAMC_JOINTS.values() if bone not in amc.asf.names]:
        raise InputError(
            f"{amc.where}: its skeleton {amc.asf.where} has no bone '{missing[0]}', and only skeletons with "
            "the bones of CMU's are read"
        )
    chain = amc_chain(amc, ASFAMC_JOINTS.values())
    return rig_poses(chain, ASFAMC_JOINTS, amc.asf.unit_m, ASFAMC_UP, amc.where)
