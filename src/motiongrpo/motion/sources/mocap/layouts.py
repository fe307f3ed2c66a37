"""Layouts: how the joints of a rig map to ours, for any rig, with those of CMU's motion capture built in.

A layout says which joint of a rig stands for which of ours, and what its files do not specify: the unit, the
axis that points up, and where the rig is in a T-pose.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.motion.rig import END, Axis, check_joint_map
from motiongrpo.motion.sources.mocap.bvh_hierarchy import without_namespace
from motiongrpo.motion.sources.mocap.position_channels import PositionChannels

SHOWN = 6  # joints named in a message

TPose = Literal["zero", "first_frame", "rest_frame"]


class BvhLayout(Config):
    """What the BVH files of one rig do not specify."""

    joints: dict[str, str]  # our name, such as left_knee, to the file's; `lFoot.end` is an End Site
    unit_m: float = Field(gt=0)  # metres in one unit of length
    up: Axis
    position_channels: PositionChannels  # one word for all joints, or a table by patterns of their names
    t_pose: TPose  # zero: all angles 0; rest_frame: the first frame of another take of the same rig
    leading_frames: int = Field(ge=0)  # dropped from the start of every take
    travel: float = Field(gt=0)  # factor on its path that suits its legs; 1 unless a conversion stretched it

    @field_validator("joints")
    @classmethod
    def needs_the_limbs(cls, joints: dict[str, str]) -> dict[str, str]:
        check_joint_map(joints)
        return {ours: without_namespace(name) for ours, name in joints.items()}


# ours: daz, motionbuilder, asfamc, iclone; a dash where a rig has no such joint, * the side in its word
_MIDLINE = {
    "pelvis": ("hip", "Hips", "root", "CC_Base_Hip"),
    "spine1": ("abdomen", "LowerBack", "lowerback", "CC_Base_Waist"),
    "spine2": ("-", "Spine", "upperback", "CC_Base_Spine01"),
    "spine3": ("chest", "Spine1", "thorax", "CC_Base_Spine02"),
    "neck": ("neck", "Neck", "lowerneck", "CC_Base_NeckTwist01"),
    "head": ("head", "Head", "head", "CC_Base_Head"),
}
_SIDED = {
    "hip": ("*Thigh", "*UpLeg", "*femur", "CC_Base_*_Thigh"),
    "knee": ("*Shin", "*Leg", "*tibia", "CC_Base_*_Calf"),
    "ankle": ("*Foot", "*Foot", "*foot", "CC_Base_*_Foot"),
    "foot": ("*Foot.end", "*ToeBase", "*toes", "CC_Base_*_ToeBase"),
    "collar": ("*Collar", "*Shoulder", "*clavicle", "CC_Base_*_Clavicle"),
    "shoulder": ("*Shldr", "*Arm", "*humerus", "CC_Base_*_Upperarm"),
    "elbow": ("*ForeArm", "*ForeArm", "*radius", "CC_Base_*_Forearm"),
    "wrist": ("*Hand", "*FingerBase", "*hand", "CC_Base_*_Hand"),
}


def _column(rig: int, left: str, right: str) -> dict[str, str]:
    """One rig's column of the tables, both sides spelt out."""
    joints = {ours: names[rig] for ours, names in _MIDLINE.items()}
    for side, word in (("left", left), ("right", right)):
        joints |= {f"{side}_{ours}": names[rig].replace("*", word) for ours, names in _SIDED.items()}
    return {ours: name for ours, name in joints.items() if name != "-"}


INCH_OF_CMU_M = 0.0254 / 0.45
ASFAMC_JOINTS = _column(2, "l", "r")
ASFAMC_UP: Axis = "y"

BVH_LAYOUTS = {
    "daz": BvhLayout(
        joints=_column(0, "l", "r"),
        unit_m=0.01,
        up="y",
        position_channels="added_to_offset",
        t_pose="zero",
        leading_frames=8,  # a T-pose, and the ringing after it from the filter that resampled the take
        travel=1,
    ),
    "motionbuilder": BvhLayout(
        joints=_column(1, "Left", "Right"),
        unit_m=INCH_OF_CMU_M,
        up="y",
        position_channels="added_to_offset",
        t_pose="zero",
        leading_frames=0,
        travel=1,
    ),
    "iclone": BvhLayout(
        joints=_column(3, "L", "R"),
        unit_m=0.01,
        up="y",
        position_channels="added_to_offset",
        t_pose="rest_frame",
        leading_frames=0,
        travel=0.9868,  # measured on 01_01: with legs of equal length, CMU's own file travels less far
    ),
}
"""Layouts of the conversions of CMU's takes: cgspeed's two, and the one for iClone with either root."""


def recognise_layout(names: Sequence[str], layouts: Mapping[str, BvhLayout], where: str) -> str:
    """The name of the only layout whose joints are all in a file."""
    missing = {
        layout: [name for name in description.joints.values() if name not in names]
        for layout, description in layouts.items()
    }
    fitting = [layout for layout in layouts if not missing[layout]]
    if len(fitting) > 1:
        raise InputError(
            f"{where} fits the layouts {' and '.join(fitting)}; give yours the name of ours to replace it"
        )
    if not fitting:
        raise InputError(f"{where}: {_misfit(names, layouts, missing)}")
    return fitting[0]


def _misfit(names: Sequence[str], layouts: Mapping[str, BvhLayout], missing: Mapping[str, list[str]]) -> str:
    """Why no layout fits a file: the joint that it lacks of the likeliest layout, or its unknown names."""
    likeliest = min(layouts, key=lambda layout: len(missing[layout]) / len(layouts[layout].joints))
    lacking = missing[likeliest]
    if 2 * len(lacking) < len(layouts[likeliest].joints):
        return f"joint '{lacking[0]}' of layout '{likeliest}' is missing; describe the rig in 'layouts'"
    known = {name for layout in layouts.values() for name in layout.joints.values()}
    unknown = [name for name in names if name not in known and not name.endswith(END)]
    listed = ", ".join(f"'{shown(name, 24)}'" for name in unknown[:SHOWN]) + (
        ", …" if len(unknown) > SHOWN else ""
    )
    return f"unknown joints {listed} fit no layout of {', '.join(layouts)}; describe the rig in 'layouts'"
