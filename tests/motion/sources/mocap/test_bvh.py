import re

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.rig import rig_poses
from motiongrpo.motion.sources.mocap import bvh
from motiongrpo.motion.sources.mocap.bvh import bvh_chain, parse_bvh
from tests.motion.rigs import MEAN_BODY, bvh_text, random_motion, still

SMALL = """HIERARCHY
ROOT hip
{
  OFFSET 10 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT arm
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 3 0
    }
  }
  JOINT leg {
    OFFSET 0 -2 0
    CHANNELS 4 Yposition Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -3 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.016667
1 2 3 0 0 0 0 0 0 0 0 0 0
4 5 6 10 20 30 40 50 60 -1.5 70 80 90
"""


def about(axis: int, degrees: float) -> torch.Tensor:
    vector = torch.zeros(3, dtype=torch.float64)
    vector[axis] = np.radians(degrees)
    return matrix_from_rotation_vector(vector)


def test_a_file_is_read_as_it_is_written():
    bvh = parse_bvh(SMALL, "small.bvh")
    assert bvh.hierarchy.names == ("hip", "arm", "arm.end", "leg", "leg.end")
    assert bvh.hierarchy.parents == (-1, 0, 1, 0, 3)
    assert bvh.hierarchy.channel_names()[:4] == [
        "hip Xposition",
        "hip Yposition",
        "hip Zposition",
        "hip Zrotation",
    ]
    assert_close(bvh.hierarchy.offsets[:3], np.array([[10.0, 0, 0], [0, 2, 0], [0, 3, 0]]))
    assert bvh.values.shape == (2, 13)
    assert bvh.values[1, 9] == -1.5


def test_rotations_apply_in_the_order_of_their_channels():
    chain = bvh_chain(parse_bvh(SMALL, "small.bvh"), ["arm", "leg"], "added_to_offset")
    rest, R = matrix_from_quaternion(chain.q_parent_joint)
    assert_close(rest, torch.eye(3, dtype=torch.float64).expand(3, 3, 3), rtol=0, atol=0)
    assert_close(R[0], about(2, 10) @ about(1, 20) @ about(0, 30), rtol=0, atol=1e-12)
    assert_close(R[1], about(2, 40) @ about(0, 50) @ about(1, 60), rtol=0, atol=1e-12)
    assert_close(R[2], about(2, 70) @ about(0, 80) @ about(1, 90), rtol=0, atol=1e-12)


def test_position_channels_are_added_to_offsets_or_replace_them():
    bvh = parse_bvh(SMALL, "small.bvh")
    added = bvh_chain(bvh, ["leg"], "added_to_offset").t_parent_joint
    instead = bvh_chain(bvh, ["leg"], "instead_of_offset").t_parent_joint
    assert added[1].tolist() == [[14, 5, 6], [0, -3.5, 0]]
    assert instead[1].tolist() == [[4, 5, 6], [0, -1.5, 0]]


def test_at_zero_angles_joints_sit_in_their_parents_as_in_the_first_frame():
    """Bones whose length is in position channels must not have length zero in the T-pose."""
    chain = bvh_chain(parse_bvh(SMALL, "small.bvh"), ["leg"], "added_to_offset")
    poses = rig_poses(chain, {"pelvis": "hip", "left_hip": "leg"}, 1.0, "z", "small.bvh").at_zero_angles("z")
    assert poses.positions(["pelvis", "left_hip"]).tolist() == [[[0, 0, 0], [0, -2, 0]]]


def test_end_sites_are_joints_that_do_not_turn():
    chain = bvh_chain(parse_bvh(SMALL, "small.bvh"), ["arm.end"], "added_to_offset")
    poses = rig_poses(chain, {"elbow": "arm", "wrist": "arm.end"}, 1.0, "z", "small.bvh")
    elbow, wrist = poses.orientations(["elbow", "wrist"]).unbind(1)
    assert_close(wrist, elbow, rtol=0, atol=0)
    assert poses.positions(["wrist"])[0, 0].tolist() == [11, 7, 3]


@pytest.mark.parametrize(("order", "unit_m"), [("ZXY", 0.01), ("XYZ", 1.0), ("YZX", 0.0254)])
def test_a_body_written_as_bvh_stands_where_it_stood(order, unit_m):
    """Forward kinematics of the text against those of the body it was written from."""
    rotations, root = random_motion(frames=4, seed=1)
    text = bvh_text((rotations, root), fps=30.0, unit_m=unit_m, order=order)
    chain = bvh_chain(parse_bvh(text, "body.bvh"), ["X_left_foot"], "added_to_offset")
    poses = rig_poses(chain, {"left_hip": "X_left_hip"}, unit_m, "y", "body.bvh")
    p, q = poses.positions(["left_hip"])[:, 0], poses.orientations(["left_hip"])[:, 0]
    T_world_hip = root.apply(MEAN_BODY.t_parent_joint[1].expand(4, 3))
    assert_close(p, T_world_hip, rtol=0, atol=1e-7)
    assert_close(matrix_from_quaternion(q), root.R @ rotations[:, 0], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("frame_time", "fps"),
    [
        ("0.016667", 60.0),
        (".0083333", 120.0),
        ("0.00833333", 120.0),
        ("0.033333333333333333333333333333333333", 30.0),
        ("0.02", 50.0),
        ("0.008333333333333332", 120.0),
        ("0.0166833", 1 / 0.0166833),
        ("8.3333e-3", 120.0),
        ("2", 0.5),  # refused later, unless the true rate is given
    ],
)
def test_the_frame_rate_is_the_whole_one_that_prints_as_the_frame_time(frame_time, fps):
    assert parse_bvh(SMALL.replace("0.016667", frame_time), "small.bvh").fps == fps


def test_windows_line_ends_tabs_and_blank_lines_change_nothing():
    odd = SMALL.replace("\n", "\r\n").replace("Frames: ", "Frames:\t") + "\r\n\r\n"
    assert np.array_equal(parse_bvh(odd, "x").values, parse_bvh(SMALL, "x").values)
    assert parse_bvh(odd, "x").hierarchy.names == parse_bvh(SMALL, "x").hierarchy.names


PLAIN = parse_bvh(SMALL, "x").values


@pytest.mark.parametrize(
    "rows",
    [
        lambda text: text.replace(" ", "  \t"),
        lambda text: text.replace("\n", " \n").replace("\n4", "\n   4"),
        lambda text: text.replace("\n4", "\n\n \n4"),
        lambda text: text.rstrip(),
        lambda text: text.replace("10 20", "+10 2e1"),
        lambda text: text.replace(" -1.5", " \x0b-1.5"),
    ],
)
def test_numbers_are_the_same_however_rows_are_laid_out(rows):
    start = SMALL.index("1 2 3 0")
    text = SMALL[:start] + rows(SMALL[start:])
    assert text != SMALL
    assert np.array_equal(parse_bvh(text, "x").values, PLAIN)


@pytest.mark.parametrize("word", ["nan", "NaN", "NAN", "-nan", "7"])
def test_rows_that_are_joined_by_what_stands_for_their_end_are_none(word):
    """A line's end is read as `nan`, which somebody may have written."""
    text = SMALL.replace("\n4 5 6", f" {word} 4 5 6").replace("Frames: 2", "Frames: 1")
    with pytest.raises(InputError, match="x, line 27: expected 13 numbers, one per channel, got 27"):
        parse_bvh(text, "x")


def test_a_tree_without_channels_has_no_rows():
    start, end = SMALL.index("1 2 3 0"), SMALL.index("MOTION")
    head = "\n".join(line for line in SMALL[:end].split("\n") if "CHANNELS" not in line)
    with pytest.raises(InputError, match="x promises 2 frames and holds 0"):
        parse_bvh(head + SMALL[end:start] + "\n\n", "x")


def test_a_character_that_is_no_blank_does_not_part_numbers():
    with pytest.raises(InputError, match="x, line 28: expected 13 numbers, one per channel, got 12"):
        parse_bvh(SMALL.replace("40 50", "40\x0050"), "x")


def test_lines_are_counted_from_the_start_of_the_file_through_all_pieces(monkeypatch):
    monkeypatch.setattr(bvh, "PIECE", 8)
    with pytest.raises(InputError, match="x, line 30: expected 13 numbers, one per channel, got 12"):
        parse_bvh(SMALL.replace("\n4 5 6", "\n\n\n4 5"), "x")


def test_two_files_with_one_head_share_their_tree_and_a_damaged_one_is_named_each_time():
    assert parse_bvh(SMALL, "x").hierarchy is parse_bvh(SMALL, "y").hierarchy
    for where in ("x", "y"):
        with pytest.raises(InputError, match=f"{where}, line 8: OFFSET must be three numbers, got '0 2'"):
            parse_bvh(SMALL.replace("OFFSET 0 2 0", "OFFSET 0 2"), where)


def test_a_joint_may_have_motion_in_its_name():
    assert parse_bvh(SMALL.replace("arm", "LOCOMOTION"), "x").hierarchy.names[1] == "LOCOMOTION"


LAST = "4 5 6 10 20 30 40 50 60 -1.5 70 80 90"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MOTION\n", "", "x.bvh has no MOTION block"),
        (LAST + "\n", "", "x.bvh promises 2 frames and holds 1: the file is cut"),
        (LAST, LAST + "\n" + LAST, "x.bvh promises 2 frames and holds 3"),
        (LAST, LAST[:-6], "x.bvh, line 28: expected 13 numbers, one per channel, got 11; the file is cut"),
        (LAST, LAST + " 1", "x.bvh, line 28: expected 13 numbers, one per channel, got 14"),
        ("1 2 3 0", "1 2 0", "x.bvh, line 27: expected 13 numbers, one per channel, got 12"),
        (LAST, LAST.replace("50", "nan"), "x.bvh, frame 1: arm Xrotation is nan; cut the take"),
        (LAST, LAST.replace("50", "-1e999"), "x.bvh, frame 1: arm Xrotation is -inf; cut the take"),
        (LAST, LAST.replace("50", "5o"), "x.bvh, line 28: arm Xrotation must be a number, got '5o'"),
        ("Frames: 2", "Frames: none", "x.bvh: 'Frames' must be a count of at least 1, got 'none'"),
        ("Frames: 2", "Frames: 0", "x.bvh: 'Frames' must be a count of at least 1, got '0'"),
        ("Frames: 2\n", "", "x.bvh: expected 'Frames: …' after MOTION, got 'Frame Time: 0.016667'"),
        ("0.016667", "0", "x.bvh: 'Frame Time' must be a number of seconds above 0, got '0'"),
        ("0.016667", "nan", "x.bvh: 'Frame Time' must be a number of seconds above 0, got 'nan'"),
        ("CHANNELS 3", "CHANNELS 2", "x.bvh, line 9: CHANNELS announces '2' and names 3"),
        ("3 Zrotation", "3 Wrotation", "x.bvh, line 9: 'Wrotation' is not a channel; BVH has Xposition"),
        ("Zrotation Xrotation Yrotation\n    End", "Zrotation Zrotation Yrotation\n    End", "named twice"),
        ("OFFSET 0 2 0", "OFFSET 0 2", "x.bvh, line 8: OFFSET must be three numbers, got '0 2'"),
        ("    OFFSET 0 2 0\n", "", "x.bvh, line 13: joint 'arm' has no OFFSET"),
        ("JOINT leg", "JOINT arm", "x.bvh, line 15: joint 'arm' occurs twice"),
        ("JOINT leg", "ROOT leg", "x.bvh, line 15: expected one ROOT, first of all joints, got ROOT 'leg'"),
        ("JOINT leg", "BONE leg", "x.bvh, line 15: 'BONE leg {' is not part of a BVH hierarchy"),
        ("  }\n}\nMOTION", "  }\nMOTION", "joint 'hip' is not closed before MOTION: the hierarchy is cut"),
        ("  }\n}\nMOTION", "  }\n}\n}\nMOTION", "x.bvh, line 24: '}' closes nothing"),
    ],
)
def test_a_damaged_file_gets_one_sentence_with_the_place(old, new, message):
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    with pytest.raises(InputError, match=re.escape(message)):
        parse_bvh(text, "x.bvh")


def test_a_table_that_lacks_a_column_throughout_is_refused():
    text = SMALL.replace("0 0 0 0 0\n", "0 0 0 0\n").replace("80 90\n", "80\n")
    with pytest.raises(InputError, match="x, line 27: expected 13 numbers, one per channel, got 12"):
        parse_bvh(text, "x")


def test_a_file_without_a_hierarchy_is_refused():
    with pytest.raises(InputError, match="x: no ROOT before MOTION"):
        parse_bvh(SMALL[SMALL.index("MOTION") :], "x")


def test_a_file_cut_anywhere_is_refused():
    """At any byte, except at the last line's end and within the digits of its last number."""
    text = bvh_text(still(2), fps=30.0, unit_m=0.01)
    last_number = text.rstrip().rindex(" ") + 1
    for length in range(0, last_number, 97):
        with pytest.raises(InputError):
            parse_bvh(text[:length], "x")
