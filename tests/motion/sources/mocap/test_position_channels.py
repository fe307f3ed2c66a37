import re

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.sources.mocap.bvh import bvh_chain, parse_bvh
from motiongrpo.motion.sources.mocap.position_channels import check_position_channels, meaning
from tests.motion.sources.mocap.test_bvh import SMALL

POSITIONS = "Xposition Yposition Zposition"
TEXT = (
    SMALL.replace("OFFSET 10 0 0", "OFFSET 0 90 0")
    .replace("CHANNELS 3 Zrotation", f"CHANNELS 6 {POSITIONS} Zrotation")
    .replace("CHANNELS 4 Yposition", f"CHANNELS 6 {POSITIONS}")
)
TREE_AND_ROWS = TEXT[: TEXT.index("1 2 3 0 0")]


def take(hip: str, arm: str, leg: str):
    """Two frames at zero angles, with the positions of the three joints."""
    row = f"{hip} 0 0 0 {arm} 0 0 0 {leg} 0 0 0\n"
    return parse_bvh(TREE_AND_ROWS + 2 * row, "x.bvh")


def check(bvh, channels) -> None:
    check_position_channels(bvh.hierarchy, bvh.values, channels, ("y", 0.01), bvh.where)


@pytest.mark.parametrize(
    ("positions", "channels", "sentence"),
    [
        (
            ("3 91 5", "0 2 0", "0 -2.1 0"),
            "added_to_offset",
            "x.bvh: the position channels of joint 'hip' repeat its OFFSET and so replace it; give its rig a "
            "layout in 'layouts' with 'position_channels: instead_of_offset'",
        ),
        (
            ("3 1 5", "0 0 0", "0 -0.1 0"),
            "instead_of_offset",
            "'hip' lack its OFFSET and so add to it; give its rig a layout in 'layouts' with "
            "'position_channels: added_to_offset'",
        ),
        (
            ("3 1 5", "0 2 0", "0 -2 0"),
            "instead_of_offset",
            '\'position_channels: {"hip": added_to_offset, "*": instead_of_offset}\'',
        ),
        (
            ("3 1 5", "0 2 0", "0 -2 0"),
            "added_to_offset",
            "joint 'arm' repeat its OFFSET and so replace it; give its rig a layout in 'layouts' with "
            '\'position_channels: {"hip": added_to_offset, "*": instead_of_offset}\'',
        ),
    ],
)
def test_numbers_that_deny_the_layout_name_the_right_one(positions, channels, sentence):
    bvh = take(*positions)
    with pytest.raises(InputError, match=re.escape(sentence)):
        check(bvh, channels)


@pytest.mark.parametrize(
    ("positions", "channels"),
    [
        (("3 91 5", "0 2 0", "0 -2 0"), "instead_of_offset"),
        (("3 1 5", "0 0 0", "0 0 0"), "added_to_offset"),
        (("3 1 5", "0 2 0", "0 -2 0"), {"h*": "added_to_offset", "*": "instead_of_offset"}),
        (("3 50 5", "0 1 0", "0 -1 0"), "added_to_offset"),  # a lift and shifts: no contradiction
    ],
)
def test_numbers_that_suit_the_layout_are_let_be(positions, channels):
    check(take(*positions), channels)


def test_a_root_near_its_low_offset_may_be_either():
    low = TREE_AND_ROWS.replace("OFFSET 0 90 0", "OFFSET 0 5 0") + 2 * f"0 5 0 {'0 ' * 15}\n"
    check(parse_bvh(low, "x.bvh"), "added_to_offset")


def test_a_joint_that_has_only_some_position_channels_is_let_be():
    """That of SMALL's leg repeats its OFFSET, which lies along the only axis it has."""
    bvh = parse_bvh(
        SMALL.replace(" -1.5 70 80 90", " -2 70 80 90").replace(" 0 0 0 0\n", " -2 0 0 0\n"), "x.bvh"
    )
    assert (bvh.values[:, 9] == -2).all()
    check(bvh, "added_to_offset")


def test_a_layout_says_joint_by_joint_what_position_channels_mean():
    bvh = take("3 1 5", "1 2 0", "0 -2 1")
    t = bvh_chain(bvh, ["arm", "leg"], {"hip": "added_to_offset", "*": "instead_of_offset"}).t_parent_joint
    assert t[1].tolist() == [[3, 91, 5], [1, 2, 0], [0, -2, 1]]
    assert np.array_equal(
        bvh_chain(bvh, ["arm", "leg"], {"*": "added_to_offset"}).t_parent_joint,
        bvh_chain(bvh, ["arm", "leg"], "added_to_offset").t_parent_joint,
    )


def test_a_joint_that_no_pattern_fits_is_named():
    assert meaning("arm", {"a*": "instead_of_offset"}, "x.bvh") == "instead_of_offset"
    with pytest.raises(
        InputError, match=r"x\.bvh: no pattern of 'position_channels' fits joint 'hip'; add one"
    ):
        meaning("hip", {"arm": "added_to_offset"}, "x.bvh")
