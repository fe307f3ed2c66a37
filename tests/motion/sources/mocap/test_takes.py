"""Takes on any rig, tested with a rig of our own that is described by a layout."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.rig import RIG_JOINTS
from motiongrpo.motion.sources.mocap.bvh import parse_bvh
from motiongrpo.motion.sources.mocap.layouts import BvhLayout
from motiongrpo.motion.sources.mocap.takes import MocapConfig, bvh_clip, rest_pose, subject_of
from motiongrpo.motion.sources.patterns import first_match
from tests.motion.rigs import MODEL, bvh_text, random_motion, still


def config(**layout) -> MocapConfig:
    """A folder of takes on a rig of our own, some named like CMU's."""
    description = {
        "joints": {name: f"X_{name}" for name in RIG_JOINTS},
        "unit_m": 0.01,
        "up": "y",
        "position_channels": "added_to_offset",
        "t_pose": "zero",
        "leading_frames": 0,
        "travel": 1,
    }
    return MocapConfig(
        source="studio",
        licence="free",
        sources={"salsa_*": "ballroom", "samba_*": "carnival"},
        licences={"ballroom": "paid"},
        amc_fps=120.0,
        fps={"salsa_0*": 60.0, "salsa_*": 50.0},
        subjects={"salsa_*": "60"},
        activities={"07_*": "walk"},
        rest_takes={},
        layouts={"mine": BvhLayout(**(description | layout))},
    )


MOTION = random_motion(frames=5, seed=1)
TAKE = parse_bvh(bvh_text(MOTION, fps=120.0, unit_m=0.01), "take.bvh")


def with_t_pose_in_front():
    """A T-pose, then the motion."""
    rotations, root = MOTION
    identity, standing = still(1)
    root = type(root)(torch.cat([standing.R, root.R]), torch.cat([standing.p, root.p]))
    return parse_bvh(bvh_text((torch.cat([identity, rotations]), root), 120.0, 0.01), "take.bvh")


def assert_is_the_motion(clip):
    rotations, root = MOTION
    assert_close(matrix_from_quaternion(clip.q_parent_joint), rotations[:, :21], rtol=0, atol=1e-7)
    assert_close(clip.T_world_root[:, 4:], root.p, rtol=0, atol=1e-7)
    assert_close(matrix_from_quaternion(clip.T_world_root[:, :4]), root.R, rtol=0, atol=1e-7)


def test_a_take_on_any_rig_becomes_a_clip_through_a_joint_map():
    clip = bvh_clip(TAKE, "07_03", {}, MODEL, config())
    assert_is_the_motion(clip)
    assert (clip.name, clip.source, clip.subject, clip.activity, clip.licence) == (
        "07_03",
        "studio",
        "07",
        "walk",
        "free",
    )
    assert clip.fps == 120.0
    assert torch.equal(clip.betas, torch.zeros(16, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "source", "licence"),
    [("07_03", "studio", "free"), ("salsa_01", "ballroom", "paid"), ("samba_1", "carnival", "free")],
)
def test_a_folder_of_several_collections_names_each_takes_own(name, source, licence):
    described = config()
    described = described.model_copy(update={"subjects": described.subjects | {"samba_*": "61"}})
    clip = bvh_clip(TAKE, name, {}, MODEL, described)
    assert (clip.source, clip.licence) == (source, licence)


def test_a_t_pose_in_front_of_a_take_serves_as_reference_and_is_dropped():
    assert_is_the_motion(bvh_clip(with_t_pose_in_front(), "07_03", {}, MODEL, config(t_pose="first_frame")))
    assert_is_the_motion(bvh_clip(with_t_pose_in_front(), "07_03", {}, MODEL, config(t_pose="zero")))


def test_leading_frames_of_a_layout_are_dropped():
    clip = bvh_clip(TAKE, "07_03", {}, MODEL, config(leading_frames=2))
    assert_close(clip.T_world_root[:, 4:], MOTION[1].p[2:], rtol=0, atol=1e-7)


def test_the_t_pose_of_another_take_serves_when_it_is_given():
    mine = config(t_pose="rest_frame")
    rest = dict([rest_pose(with_t_pose_in_front(), mine)])
    assert_is_the_motion(bvh_clip(TAKE, "07_04", rest, MODEL, mine))


def test_a_missing_t_pose_of_another_take_is_asked_for():
    with pytest.raises(
        InputError, match=r"take\.bvh: layout 'mine' takes its T-pose from another take; name one"
    ):
        bvh_clip(TAKE, "07_04", {}, MODEL, config(t_pose="rest_frame"))


def test_a_take_that_starts_in_motion_is_no_t_pose_for_others():
    mine = config(t_pose="rest_frame")
    with pytest.raises(
        InputError, match=r"take\.bvh: no T-pose, its .* name another in 't_pose' or 'rest_takes'"
    ):
        bvh_clip(TAKE, "07_04", dict([rest_pose(TAKE, mine)]), MODEL, mine)


def test_a_take_that_ends_with_its_leading_frames_is_refused():
    with pytest.raises(InputError, match=r"take\.bvh has no frame of motion"):
        bvh_clip(TAKE, "07_03", {}, MODEL, config(leading_frames=5))


def test_the_first_pattern_that_fits_decides():
    assert first_match("salsa_03", config().fps, 120.0) == 60.0
    assert first_match("salsa_12", config().fps, 120.0) == 50.0
    assert first_match("martial_01", config().fps, 120.0) == 120.0
    assert bvh_clip(TAKE, "salsa_03", {}, MODEL, config()).fps == 60.0


def test_a_subject_is_the_first_number_of_a_name_like_07_12_unless_the_table_says_otherwise():
    assert subject_of("07_12", config()) == "07"
    assert subject_of("143_01", config()) == "143"
    assert subject_of("salsa_03", config()) == "60"


def test_a_take_of_an_unknown_person_is_refused_since_splits_go_by_subject():
    with pytest.raises(
        InputError, match="nothing says whose motion 'dance' is: add a pattern that fits it to 'subjects'"
    ):
        subject_of("dance", config())


def test_a_take_whose_up_is_z_stands_the_same():
    """The same numbers read with z up are the same body lying down, rotated by a quarter turn about x."""
    rest = dict([rest_pose(with_t_pose_in_front(), config())])
    assert rest["mine"].positions(["head"])[0, 0, 2] > 0.5
    lying = rest_pose(with_t_pose_in_front(), config(up="z"))[1]
    quarter = matrix_from_rotation_vector(torch.tensor([torch.pi / 2, 0.0, 0.0], dtype=torch.float64))
    there, here = (poses.positions(RIG_JOINTS) for poses in (lying, rest["mine"]))
    assert_close(there @ quarter.T, here, rtol=0, atol=1e-12)
