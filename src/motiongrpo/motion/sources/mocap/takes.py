"""Takes of motion capture on any rig, as clips of our body.

A take is parsed (`parse_bvh`, or `parse_asf` and `parse_amc`), its joints are brought into our names, metres
and z up by the layout of its rig, and its motion is retargeted (`bvh_clip`, `amc_clip`).
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.frame_rate import FrameRate, check_frame_rate
from motiongrpo.motion.retarget import retarget
from motiongrpo.motion.rig import RigPoses, rig_poses
from motiongrpo.motion.sources.mocap.amc import Amc, amc_chain
from motiongrpo.motion.sources.mocap.bvh import Bvh, bvh_chain
from motiongrpo.motion.sources.mocap.layouts import ASFAMC_JOINTS, BVH_LAYOUTS, BvhLayout, recognise_layout
from motiongrpo.motion.sources.mocap.position_channels import check_position_channels
from motiongrpo.motion.sources.patterns import first_match
from motiongrpo.motion.t_pose import check_t_pose, starts_in_t_pose


class MocapConfig(Config):
    """What a folder of motion capture is, and what its files leave unsaid.

    In a table from patterns of names, such as `salsa_*`, the first pattern that fits a take decides.
    """

    source: str  # name of the collection
    licence: str
    sources: dict[str, str]  # by pattern: another collection that the folder holds too
    licences: dict[str, str]  # of these, by name
    amc_fps: FrameRate  # AMC files do not say
    fps: dict[str, FrameRate]  # by pattern: the true frames/s where a BVH file says another
    subjects: dict[str, str]  # by pattern: who moves, where the name is not like CMU's 07_12
    activities: dict[str, str]  # by pattern: what the subject does
    rest_takes: dict[str, str]  # by layout: the take whose first frame is its T-pose
    layouts: dict[str, BvhLayout]  # of rigs by name, beside those of `layouts.BVH_LAYOUTS`


def bvh_clip(
    bvh: Bvh, name: str, rest_poses: Mapping[str, RigPoses], model: BodyModel, config: MocapConfig
) -> Clip:
    """A BVH take on our body; `rest_poses` holds, by layout, the T-poses that come from another take."""
    layout_name, layout = _layout(bvh, config)
    vertical = layout.up, layout.unit_m
    check_position_channels(bvh.hierarchy, bvh.values, layout.position_channels, vertical, bvh.where)
    poses = _bvh_poses(bvh, layout)
    fps = first_match(name, config.fps, poses.fps)
    check_frame_rate(fps, bvh.where, "correct its 'Frame Time', or name the true rate in ingestion.mocap.fps")
    poses = replace(poses, fps=fps).travelling(layout.travel)
    moving = poses.frames(layout.leading_frames, len(poses))
    match layout.t_pose:
        case "zero":
            return _clip(name, moving, _standing(bvh.at_zero_angles(), layout), model, config)
        case "first_frame":
            return _clip(name, moving, poses.frames(0, 1), model, config)
        case "rest_frame":
            if layout_name not in rest_poses:
                raise InputError(
                    f"{bvh.where}: layout '{layout_name}' takes its T-pose from another take; "
                    f"name one that starts in a T-pose under 'rest_takes' (07_03 among CMU's for iClone)"
                )
            return _clip(name, moving, rest_poses[layout_name], model, config)


def rest_pose(bvh: Bvh, config: MocapConfig) -> tuple[str, RigPoses]:
    """The layout of a take, and its first frame as the T-pose of all takes in that layout."""
    name, layout = _layout(bvh, config)
    return name, _bvh_poses(bvh, layout).frames(0, 1)


def amc_clip(amc: Amc, name: str, model: BodyModel, config: MocapConfig) -> Clip:
    """An ASF/AMC take on our body; the T-pose is that of all angles zero."""
    fps = config.amc_fps
    return _clip(name, _amc_poses(amc, fps), _amc_poses(amc.at_zero_angles(), fps), model, config)


def subject_of(name: str, config: MocapConfig) -> str:
    """The subject of a take: by the table, or the first number of a name such as CMU's 07_12."""
    number = re.fullmatch(r"(\d+)_\d+", name)
    subject = first_match(name, config.subjects, number[1] if number else "")
    if not subject:
        raise InputError(f"nothing says whose motion '{name}' is: add a pattern that fits it to 'subjects'")
    return subject


def _clip(name: str, poses: RigPoses, t_pose: RigPoses, model: BodyModel, config: MocapConfig) -> Clip:
    poses = poses.frames(int(starts_in_t_pose(poses, t_pose)), len(poses))
    if len(poses) == 0:
        raise InputError(f"{poses.where} has no frame of motion after its T-pose")
    q_parent_joint, T_world_root = retarget(poses, t_pose, model)
    source = first_match(name, config.sources, config.source)
    return Clip(
        name=name,
        source=source,
        subject=subject_of(name, config),
        activity=first_match(name, config.activities, ""),
        licence=config.licences.get(source, config.licence),
        fps=poses.fps,
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
    return rig_poses(chain, layout.joints, layout.unit_m, layout.up, bvh.where, bvh.fps)


def _standing(bvh: Bvh, layout: BvhLayout) -> RigPoses:
    """The T-pose in a file's frame; InputError where it would stand upright only on the other axis."""
    poses = _bvh_poses(bvh, layout)
    other = layout.model_copy(update={"up": "z" if layout.up == "y" else "y"})
    if not _is_t_pose(poses) and _is_t_pose(_bvh_poses(bvh, other)):
        raise InputError(
            f"{bvh.where} stands upright where {other.up} is up, not {layout.up}; give its rig a layout "
            f"with 'up: {other.up}' in 'layouts'"
        )
    return poses


def _is_t_pose(poses: RigPoses) -> bool:
    try:
        check_t_pose(poses)
    except InputError:
        return False
    return True


def _amc_poses(amc: Amc, fps: float) -> RigPoses:
    if missing := [bone for bone in ASFAMC_JOINTS.values() if bone not in amc.asf.names]:
        raise InputError(
            f"{amc.where}: its skeleton {amc.asf.where} has no bone '{missing[0]}', and only skeletons with "
            "the bones of CMU's are read"
        )
    chain = amc_chain(amc, ASFAMC_JOINTS.values())
    return rig_poses(chain, ASFAMC_JOINTS, amc.asf.unit_m, "y", amc.where, fps)
