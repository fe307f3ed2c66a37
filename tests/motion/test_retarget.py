import math
from dataclasses import replace

import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import pose_body
from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.heading import rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import geodesic_angle, matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.retarget import Motion, fit_to_rig
from motiongrpo.motion.rig import RIG_JOINTS, RigPoses
from motiongrpo.motion.t_pose import LIMB_JOINTS, LIMBS, limb_directions
from tests.motion.rigs import MEAN_BODY, MODEL, STANDING, placed, random_motion, rig_poses_of, still

EXACT = {"rtol": 0, "atol": 1e-9}


def retarget(poses: RigPoses, t_pose: RigPoses, model: BodyModel) -> Motion:
    """The motion of our mean body; `t_pose` is one frame of the same rig."""
    return fit_to_rig(t_pose, model).motion(poses, travel=1.0)


def posed_by(q_parent_joint, T_world_root):
    return pose_body(MEAN_BODY, matrix_from_quaternion(q_parent_joint), Transform.from_wxyz_xyz(T_world_root))


def test_our_own_body_comes_back_whatever_axes_its_joints_have():
    rotations, root = random_motion(frames=8, seed=1)
    axes = roma.random_rotmat(22, dtype=torch.float64)
    q, T = retarget(rig_poses_of((rotations, root), axes), rig_poses_of(still(1), axes), MODEL)
    assert_close(matrix_from_quaternion(q), rotations[:, :21], **EXACT)
    assert_close(matrix_from_quaternion(T[:, :4]), root.R, **EXACT)
    assert_close(T[:, 4:], root.p, **EXACT)


def test_where_a_t_pose_stands_and_faces_does_not_matter():
    motion = random_motion(frames=3, seed=2)
    identity, standing = still(1)
    turn = rotation_about_up(torch.tensor([2.0], dtype=torch.float64))
    elsewhere = Transform(turn @ standing.R, standing.p + torch.tensor([3.0, -1.0, 0.5]))
    here = retarget(rig_poses_of(motion), rig_poses_of(still(1)), MODEL)
    there = retarget(rig_poses_of(motion), rig_poses_of((identity, elsewhere)), MODEL)
    for a, b in zip(here, there, strict=True):
        assert_close(a, b, **EXACT)


def test_a_rig_of_another_size_makes_the_same_motion_travelled_on_our_legs():
    motion = random_motion(frames=5, seed=3)
    large = retarget(rig_poses_of(motion, scale=1.3), rig_poses_of(still(1), scale=1.3), MODEL)
    ours = retarget(rig_poses_of(motion), rig_poses_of(still(1)), MODEL)
    for a, b in zip(large, ours, strict=True):
        assert_close(a, b, **EXACT)


def resting(vectors: dict[Joint, list[float]]) -> RigPoses:
    """One frame of our body in another rest pose, given by rotation vectors of single joints."""
    rotations = still(1)[0].clone()
    for joint, vector in vectors.items():
        rotations[:, joint - 1] = matrix_from_rotation_vector(torch.tensor(vector, dtype=torch.float64))
    return rig_poses_of((rotations, still(1)[1]))


def test_limbs_point_where_the_rigs_do_whatever_its_rest_pose():
    """A rig that rests with its legs spread and its arms lowered: bones still follow its bones."""
    rest = resting(
        {Joint.LEFT_HIP: [0, 0, 0.35], Joint.RIGHT_HIP: [0, 0, -0.35], Joint.LEFT_SHOULDER: [0, 0, -1.0]}
    )
    motion = rig_poses_of(random_motion(frames=6, seed=4))
    posed = posed_by(*retarget(motion, rest, MODEL))
    for start, end in LIMBS:
        ours = posed.joint(Joint[end.upper()]).p - posed.joint(Joint[start.upper()]).p
        theirs = motion.positions([start, end]).diff(dim=1)[:, 0]
        assert_close(ours, theirs, **EXACT)


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
def test_a_hand_goes_on_where_its_forearm_points(side):
    """A rig may rest with bent elbows and hands in line with the forearms; then ours are in line, too."""
    rest = resting({Joint.LEFT_ELBOW: [0, -0.3, 0], Joint.RIGHT_ELBOW: [0, 0.3, 0]})
    q, _ = retarget(rest, rest, MODEL)
    open_hand = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    assert_close(q[0, Joint[f"{side}_WRIST"] - 1], open_hand, **EXACT)


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
def test_a_foot_is_level_when_a_rig_that_rests_with_spread_legs_stands_straight(side):
    """In CMU's skeleton the foot keeps its angle to the shin, so closing the legs must not tip the sole."""
    spread = {Joint.LEFT_HIP: [0, 0, 0.35], Joint.RIGHT_HIP: [0, 0, -0.35]}
    posed = posed_by(*retarget(rig_poses_of(still(1)), resting(spread), MODEL))
    up = posed.joint(Joint[f"{side}_ANKLE"]).R[0, :, 1]
    assert_close(up, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), rtol=0, atol=1e-9)


def test_a_rig_that_rests_on_a_steeper_instep_has_level_soles_all_the_same():
    """The height of the ankle above the toes differs between rigs, but the sole is level in all."""
    rest = rig_poses_of(still(1))
    p = rest.positions(RIG_JOINTS)
    p[:, [Joint.LEFT_FOOT, Joint.RIGHT_FOOT], 2] -= 0.05
    steeper = placed(rest.q_world_joint, p)
    posed = posed_by(*retarget(steeper, steeper, MODEL))
    assert_close(posed.joint(Joint.LEFT_ANKLE).R[0], STANDING, **EXACT)


def test_a_joint_the_rig_lacks_moves_with_its_parent():
    motion = rig_poses_of(random_motion(frames=4, seed=5))

    def without(poses: RigPoses) -> RigPoses:
        return replace(poses, joints={name: i for name, i in poses.joints.items() if name != "spine2"})

    q, T = retarget(without(motion), without(rig_poses_of(still(1))), MODEL)
    posed = posed_by(q, T)
    assert_close(
        matrix_from_quaternion(q[:, Joint.SPINE2 - 1]), torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    )
    assert_close(
        posed.joint(Joint.SPINE3).R, matrix_from_quaternion(motion.q_world_joint[:, Joint.SPINE3]), **EXACT
    )


def test_quaternions_are_unit_and_none_is_of_a_hand():
    q, T = retarget(rig_poses_of(random_motion(frames=4, seed=6)), rig_poses_of(still(1)), MODEL)
    assert_close(q.norm(dim=-1), torch.ones(4, 21, dtype=torch.float64), **EXACT)
    assert_close(T[:, :4].norm(dim=-1), torch.ones(4, dtype=torch.float64), **EXACT)


def test_a_rig_that_two_files_share_is_measured_once_and_refused_in_the_name_of_each():
    rest = rig_poses_of(still(1))
    assert fit_to_rig(rest, MODEL) is fit_to_rig(replace(rig_poses_of(still(1)), where="another"), MODEL)
    assert fit_to_rig(rest, MODEL) is not fit_to_rig(rig_poses_of(still(1), scale=1.1), MODEL)
    for where in ("one", "other"):
        with pytest.raises(InputError, match=f"{where}: a leg is"):
            fit_to_rig(replace(rig_poses_of(still(1), scale=100.0), where=where), MODEL)


def test_a_unit_that_makes_giants_is_refused_with_the_length_of_their_legs():
    giant = rig_poses_of(still(2), scale=100.0)
    with pytest.raises(InputError, match=r"ours: a leg is 84\.\d m long; correct 'unit_m'"):
        retarget(giant, giant.frames(0, 1), MODEL)


def test_a_shorter_path_keeps_the_body_and_its_height():
    fit = fit_to_rig(rig_poses_of(still(1)), MODEL)
    motion = rig_poses_of(random_motion(frames=4, seed=8))
    whole, half = (posed_by(*fit.motion(motion, travel)).p_world_joint for travel in (1.0, 0.5))
    hips = [Joint.LEFT_HIP, Joint.RIGHT_HIP]
    way = torch.tensor([0.5, 0.5, 1.0], dtype=torch.float64)
    assert_close(half[:, hips].mean(dim=1), way * whole[:, hips].mean(dim=1), **EXACT)
    assert_close(half - half[:, :1], whole - whole[:, :1], **EXACT)


def test_limb_directions_do_not_depend_on_where_the_body_faces():
    rotations, root = random_motion(frames=3, seed=7)
    turned = Transform(rotation_about_up(torch.tensor(1.0, dtype=torch.float64)) @ root.R, root.p)
    assert_close(
        limb_directions(rig_poses_of((rotations, turned)).positions(LIMB_JOINTS)),
        limb_directions(rig_poses_of((rotations, root)).positions(LIMB_JOINTS)),
        **EXACT,
    )


def test_the_left_hand_of_a_rig_is_on_our_left():
    """A mirrored body would pass every test of lengths and angles."""
    q, T = retarget(rig_poses_of(still(1)), rig_poses_of(still(1)), MODEL)
    posed = posed_by(q, T)
    assert posed.joint(Joint.LEFT_WRIST).p[0, 0] > 0.4 > -0.4 > posed.joint(Joint.RIGHT_WRIST).p[0, 0]
    toes = posed.joint(Joint.LEFT_FOOT).p - posed.joint(Joint.LEFT_ANKLE).p
    assert toes[0, 1] < -0.05  # in the body file's pose, in a z-up world, the body faces −y
    assert math.isclose(float(geodesic_angle(posed.joint(Joint.PELVIS).R[0], STANDING)), 0.0, abs_tol=1e-6)
