"""BVH, read back by the reader of another program and by our own."""

import math
from dataclasses import replace

import bvhio
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from motiongrpo.body.skeleton import Joint
from motiongrpo.export.bvh import bvh_text, write_bvh
from motiongrpo.export.track import BodyTrack
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.rig import RIG_JOINTS, rig_poses
from motiongrpo.motion.sources.mocap.bvh import bvh_chain, parse_bvh
from motiongrpo.motion.sources.mocap.layouts import BvhLayout
from motiongrpo.motion.sources.mocap.takes import MocapConfig, bvh_clip
from tests.bodies import FPS, open_body
from tests.export.tracks import repeated, walk, wild

TENTH_OF_A_MM = 1e-4
LAYOUT = BvhLayout(
    joints={name: name for name in RIG_JOINTS},
    unit_m=0.01,
    up="y",
    position_channels="instead_of_offset",
    t_pose="zero",
    leading_frames=0,
    travel=1,
)
CONFIG = MocapConfig(
    source="ours",
    licence="",
    sources={},
    licences={},
    amc_fps=120.0,
    fps={},
    subjects={"*": "me"},
    activities={},
    rest_takes={},
    layouts={"ours": LAYOUT},
)


def locked() -> BodyTrack:
    """Rotations at and near gimbal lock: a right angle as the second of three angles."""
    angles = torch.tensor([90.0, 90 - 1e-4, 90 + 1e-4, -90.0]).deg2rad().double()
    about_x = angles[:, None] * torch.tensor([1.0, 0.0, 0.0]).double()
    about_y = torch.tensor([0.0, 1.0, 0.0]).double()
    R = matrix_from_rotation_vector(about_x) @ matrix_from_rotation_vector(about_y)
    track = wild(len(angles))
    return replace(track, R_parent_joint=R[:, None].expand(-1, 21, 3, 3).contiguous())


@pytest.mark.parametrize("track", [walk(), wild(), locked()], ids=["walk", "wild", "locked"])
def test_another_programs_reader_finds_every_joint_where_it_was(track, tmp_path):
    """`bvhio` builds its own tree of transforms; the tolerance is single precision at metres."""
    write_bvh(track, open_body(), tmp_path / "a.bvh")
    root = bvhio.readAsHierarchy(str(tmp_path / "a.bvh"))
    expected = track.posed(open_body()).p_world_joint.numpy()
    for frame in range(len(track)):
        root.loadPose(frame, recursive=True)
        for joint, _, _ in root.layout():
            place = np.array(joint.PositionWorld) / 100
            p = expected[frame, Joint[joint.Name.upper()]]
            assert_allclose(place, [p[0], p[2], -p[1]], rtol=0, atol=TENTH_OF_A_MM)


@pytest.mark.parametrize("track", [walk(), wild(), locked()], ids=["walk", "wild", "locked"])
def test_our_own_reader_finds_every_joint_where_it_was(track):
    bvh = parse_bvh(bvh_text(track, open_body()), "ours")
    poses = rig_poses(bvh_chain(bvh, RIG_JOINTS, "instead_of_offset"), LAYOUT.joints, 0.01, "y", "ours")
    posed = track.posed(open_body())
    assert_close(poses.positions(RIG_JOINTS), posed.p_world_joint, rtol=0, atol=1e-6)
    assert_close(
        matrix_from_quaternion(poses.orientations(RIG_JOINTS)), posed.R_world_joint, rtol=0, atol=1e-6
    )


def test_ingestion_takes_the_file_for_what_it_was_on_the_mean_body():
    """Through layout, T-pose and retargeting: the rig has our rest pose, so nothing is changed."""
    track = replace(walk(), betas=torch.zeros(16, dtype=torch.float64))
    bvh = parse_bvh(bvh_text(track, open_body()), "ours")
    clip = bvh_clip(bvh, "take", {}, open_body(), CONFIG)
    assert (clip.fps, len(clip)) == (FPS, len(track))
    joints = clip.posed(open_body())[1].p_world_joint[:, :22]
    assert_close(joints, track.posed(open_body()).p_world_joint, rtol=0, atol=TENTH_OF_A_MM)


@pytest.mark.parametrize("fps", [30.0, 29.97, 60.0, 1000 / 13])
def test_the_frame_time_is_the_rate_exactly(fps):
    text = bvh_text(replace(walk(), fps=fps), open_body())
    time = next(line for line in text.splitlines() if line.startswith("Frame Time: "))
    assert float(time.partition(": ")[2]) == 1 / fps
    assert parse_bvh(text, "ours").fps == pytest.approx(fps, rel=1e-15)


def test_a_chain_ends_at_the_eyes_the_middle_fingers_and_the_toes():
    tree = parse_bvh(bvh_text(walk(), open_body()), "ours").hierarchy
    ends = {name.removesuffix(".end"): tree.offsets[i] for i, name in enumerate(tree.names) if "." in name}
    assert set(ends) == {"head", "left_wrist", "right_wrist", "left_foot", "right_foot"}
    body = open_body().shaped(walk().betas)
    assert_allclose(ends["head"], 100 * body.p_head_cpf, rtol=0, atol=1e-6)
    for side, outwards in (("left", 1), ("right", -1)):
        assert 10 < outwards * ends[f"{side}_wrist"][0] < 25, "centimetres, along the arm of a T-pose"
        assert 2 < ends[f"{side}_foot"][2] < 15, "forward"


def test_angles_go_on_when_somebody_turns_round_and_round():
    turns = torch.linspace(0, 4 * math.pi, 90).double()
    R_up = matrix_from_rotation_vector(turns[:, None] * torch.tensor([0.0, 0.0, 1.0]).double())
    first = replace(walk(), stretches=(range(1), range(1, len(walk())))).parts()[0]
    whirl = repeated(first, 90)
    root = Transform(R_up, torch.zeros(90, 3).double()) @ Transform.from_wxyz_xyz(whirl.T_world_root)
    whirl = replace(whirl, T_world_root=root.wxyz_xyz())
    values = parse_bvh(bvh_text(whirl, open_body()), "ours").values
    assert np.abs(np.diff(values[:, 3:], axis=0)).max() < 20
    assert np.ptp(values[:, 5]) > 700, "twice round"
