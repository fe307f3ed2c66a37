import pytest
import torch
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.motion.rig import RigPoses
from motiongrpo.motion.t_pose import LIMB_JOINTS, check_t_pose, limb_directions, starts_in_t_pose
from tests.motion.rigs import rig_poses_of, still


def bent(joint: Joint, vectors: list[list[float]]) -> RigPoses:
    """Our body at rest but for one joint, a rotation vector a frame."""
    rotations, root = still(len(vectors))
    rotations = rotations.clone()
    rotations[:, joint - 1] = matrix_from_rotation_vector(torch.tensor(vectors, dtype=torch.float64))
    return rig_poses_of((rotations, root))


def limbs_of(poses: RigPoses) -> Tensor:
    """The directions of its limbs in the first frame."""
    return limb_directions(poses.positions(LIMB_JOINTS))[0]


AT_REST = limbs_of(rig_poses_of(still(1)))


def test_a_body_at_rest_stands_in_a_t_pose_and_so_do_spread_legs_and_hanging_arms():
    check_t_pose(AT_REST, "ours")
    check_t_pose(limbs_of(bent(Joint.LEFT_HIP, [[0, 0, 0.35]])), "ours")
    check_t_pose(limbs_of(bent(Joint.RIGHT_SHOULDER, [[0, 0, 1.4]])), "ours")


@pytest.mark.parametrize(
    ("joint", "vector", "fault"),
    [
        (Joint.LEFT_KNEE, [1.0, 0, 0], "left_knee is bent by 1.0 rad"),
        (Joint.RIGHT_ELBOW, [0, 0.7, 0], "right_elbow is bent by 0.7 rad"),
        (Joint.RIGHT_HIP, [-1.2, 0, 0], "right_hip leans by 1.2 rad"),
    ],
)
def test_a_frame_of_motion_is_no_t_pose(joint, vector, fault):
    with pytest.raises(InputError, match=f"ours: no T-pose, its {fault}"):
        check_t_pose(limbs_of(bent(joint, [vector])), "ours")


def test_a_t_pose_left_between_two_frames_was_put_in_front():
    lowered = [0.0, 0.0, -1.4]
    take = bent(Joint.LEFT_SHOULDER, [[0, 0, 0], lowered, lowered])
    assert starts_in_t_pose(take, AT_REST)


def test_a_t_pose_that_somebody_really_stands_in_belongs_to_the_take():
    slowly = [[0.0, 0.0, -0.02 * frame] for frame in range(60)]
    assert not starts_in_t_pose(bent(Joint.LEFT_SHOULDER, slowly), AT_REST)


def test_a_take_that_starts_otherwise_does_not_start_in_a_t_pose():
    swung = [[0.0, 0.0, -0.6], [0.0, 0.0, -1.4]]
    assert not starts_in_t_pose(bent(Joint.LEFT_SHOULDER, swung), AT_REST)
    assert not starts_in_t_pose(rig_poses_of(still(1)), AT_REST)
