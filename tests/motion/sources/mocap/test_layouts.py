import re

import pytest
from pydantic import ValidationError

from motiongrpo.base.errors import InputError
from motiongrpo.motion.rig import NEEDED
from motiongrpo.motion.sources.mocap.layouts import ASFAMC_JOINTS, BVH_LAYOUTS, BvhLayout, recognise_layout

OWN = BvhLayout(
    joints={name: f"X_{name}" for name in NEEDED},
    unit_m=0.01,
    up="y",
    position_channels="added_to_offset",
    t_pose="zero",
    leading_frames=0,
    travel=1,
)


@pytest.mark.parametrize("layout", list(BVH_LAYOUTS))
def test_a_file_is_recognised_by_the_names_of_its_joints(layout):
    names = ["extra", *BVH_LAYOUTS[layout].joints.values()]
    assert recognise_layout(names, BVH_LAYOUTS, "x") == layout


def test_both_sides_of_a_rig_are_spelt_in_its_own_words():
    assert BVH_LAYOUTS["daz"].joints["left_foot"] == "lFoot.end"
    assert BVH_LAYOUTS["motionbuilder"].joints["right_hip"] == "RightUpLeg"
    assert BVH_LAYOUTS["iclone"].joints["left_elbow"] == "CC_Base_L_Forearm"
    assert ASFAMC_JOINTS["right_knee"] == "rtibia"
    assert "spine2" not in BVH_LAYOUTS["daz"].joints


def test_a_layout_of_the_users_is_recognised_beside_ours():
    assert recognise_layout(list(OWN.joints.values()), BVH_LAYOUTS | {"mine": OWN}, "x") == "mine"


def test_unknown_joints_are_named_with_the_remedy():
    with pytest.raises(
        InputError, match=r"x: unknown joints 'Bip01', 'Bip01 L Thigh' fit no layout of daz, .*describe"
    ):
        recognise_layout(["Bip01", "Bip01 L Thigh", "Bip01.end"], BVH_LAYOUTS, "x")


def test_of_many_unknown_joints_the_first_are_named():
    with pytest.raises(InputError, match=r"unknown joints 'j0', .*, 'j5', … fit no layout"):
        recognise_layout([f"j{number}" for number in range(60)], BVH_LAYOUTS, "x")


def test_a_known_rig_that_lacks_a_joint_is_told_so():
    names = [name for name in BVH_LAYOUTS["daz"].joints.values() if name != "chest"]
    with pytest.raises(InputError, match=re.escape("x: joint 'chest' of layout 'daz' is missing")):
        recognise_layout(names, BVH_LAYOUTS, "x")


def test_a_file_that_fits_two_layouts_is_not_guessed_at():
    with pytest.raises(InputError, match="x fits the layouts mine and twin; give yours the name of ours"):
        recognise_layout(list(OWN.joints.values()), {"mine": OWN, "twin": OWN}, "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit_m": 0.0}, "unit_m"),
        ({"up": "x"}, "up"),
        ({"t_pose": "guess"}, "t_pose"),
        ({"joints": {"pelvis": "hip"}}, "the joint map lacks head, left_hip"),
        ({"unit": 0.01}, "'unit' is not a parameter of BvhLayout; did you mean 'unit_m'"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        BvhLayout(**(OWN.model_dump() | change))
