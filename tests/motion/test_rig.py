import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.geometry.quaternions import rotated
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.rig import NEEDED, Chain, check_joint_map, lineage, rig_poses, upright

QUARTER = torch.tensor([[0.0, 0.0, math.pi / 2]], dtype=torch.float64)


def two_bones() -> Chain:
    """A root that turns a quarter about z, and a child one unit along x."""
    q = quaternion_from_rotation_vector(torch.stack([QUARTER, QUARTER], dim=1))
    t = torch.tensor([[[1.0, 2.0, 3.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)
    return Chain(("a", "b"), (-1, 0), q, t)


def test_a_child_moves_and_turns_with_its_parent():
    poses = rig_poses(two_bones(), {"pelvis": "a", "head": "b"}, unit_m=1.0, up="z", where="f")
    p = torch.tensor([[[1.0, 2.0, 3.0], [1.0, 3.0, 3.0]]], dtype=torch.float64)
    assert_close(poses.positions(["pelvis", "head"]), p)
    assert_close(poses.positions(["head", "pelvis"]), p.flip(1))
    assert_close(poses.positions(["pelvis"]), p[:, :1])
    assert_close(poses.orientations(["head"])[:, 0], quaternion_from_rotation_vector(2 * QUARTER))


def test_at_zero_angles_a_child_lies_where_its_offset_says_of_a_root_at_the_origin():
    chain = two_bones()
    above = torch.tensor([[[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]], dtype=torch.float64)
    chain = replace(
        chain, q_parent_joint=chain.q_parent_joint.repeat(2, 1, 1), t_parent_joint=above.repeat(2, 1, 1)
    )
    poses = rig_poses(chain, {"pelvis": "a", "head": "b"}, unit_m=1.0, up="z", where="f")
    for up, p_head in (("z", [0.0, 1.0, 0.0]), ("y", [0.0, 0.0, 1.0])):
        still = poses.at_zero_angles(up)
        assert_close(still.positions(["pelvis", "head"]), torch.tensor([[[0.0] * 3, p_head]]).double())
        assert_close(still.orientations(["pelvis", "head"]), upright(up).expand(1, 2, 4))
    assert_close(poses.positions(["pelvis"])[:, 0], above[:, 0].expand(2, 3))


def test_what_is_up_in_the_file_is_z_in_the_world_and_units_are_metres():
    poses = rig_poses(two_bones(), {"head": "b"}, unit_m=0.01, up="y", where="f")
    assert_close(poses.positions(["head"])[0, 0], torch.tensor([0.01, -0.03, 0.03], dtype=torch.float64))
    up = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    assert_close(rotated(upright("y"), up[0]), up[1])
    assert_close(rotated(upright("z"), up[1]), up[1])


def test_only_wanted_joints_and_their_ancestors_are_posed():
    face, arm, hand, leg = 1, 2, 3, 4
    parents = [-1, 0, 0, arm, 0]
    assert lineage(parents, [hand]) == ([0, arm, hand], (-1, 0, 1))
    assert lineage(parents, [leg, hand]) == ([0, arm, hand, leg], (-1, 0, 1, 0))
    assert face not in lineage(parents, [leg, hand])[0]


def test_a_joint_map_with_an_unknown_name_of_ours_is_refused_with_the_nearest_one():
    joints = dict.fromkeys(NEEDED, "x") | {"left_kne": "x"}
    with pytest.raises(ValueError, match="'left_kne' is not a joint of ours; did you mean 'left_knee'"):
        check_joint_map(joints)


def test_a_joint_map_without_a_limb_is_refused():
    joints = {name: "x" for name in NEEDED if name != "right_elbow"}
    with pytest.raises(ValueError, match="lacks right_elbow"):
        check_joint_map(joints)
