"""Reflections against matrices; that whole bodies come out reflected is tested with the windows."""

import torch
from torch.testing import assert_close

from motiongrpo.body.skeleton import MIRROR, Joint
from motiongrpo.geometry.so3 import (
    matrix_from_quaternion,
    quaternion_from_matrix,
    quaternion_from_rotation_vector,
)
from motiongrpo.motion.mirror import mirror_contacts, mirror_joints, mirror_poses, mirror_quaternions

M = torch.diag(torch.tensor([-1.0, 1, 1], dtype=torch.float64))


def random_quaternions(*batch: int) -> torch.Tensor:
    vectors = torch.randn(*batch, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return quaternion_from_rotation_vector(vectors)


def test_a_mirrored_rotation_is_m_r_m():
    q = random_quaternions(50)
    expected = M @ matrix_from_quaternion(q) @ M
    assert_close(matrix_from_quaternion(mirror_quaternions(q)), expected, rtol=0, atol=1e-12)


def test_mirroring_a_product_is_the_product_of_the_mirrored():
    R, S = matrix_from_quaternion(random_quaternions(2, 20))
    product = matrix_from_quaternion(mirror_quaternions(quaternion_from_matrix(R @ S)))
    one, other = (matrix_from_quaternion(mirror_quaternions(quaternion_from_matrix(x))) for x in (R, S))
    assert_close(product, one @ other, rtol=0, atol=1e-12)


def test_each_joint_gets_the_mirrored_rotation_of_its_other_side_fingers_too():
    q = random_quaternions(3, 51)
    mirrored = mirror_joints(q)
    for left in (Joint.LEFT_HIP, Joint.LEFT_WRIST, Joint.LEFT_THUMB3, Joint.SPINE2):
        assert_close(mirrored[:, left - 1], mirror_quaternions(q[:, MIRROR[left] - 1]), rtol=0, atol=0)
    assert_close(mirror_joints(mirrored), q, rtol=0, atol=0)
    assert_close(mirror_joints(q[:, :21]), mirrored[:, :21], rtol=0, atol=0)


def test_a_pose_on_the_midline_is_reflected_in_x():
    """T' = M T M: it maps M p to the reflection of T(p), for any point p of the frame."""
    T = torch.cat([random_quaternions(20), torch.randn(20, 3, dtype=torch.float64)], dim=-1)
    mirrored = mirror_poses(T)
    point = torch.tensor([0.3, -0.2, 0.7], dtype=torch.float64)
    before = matrix_from_quaternion(T[:, :4]) @ point + T[:, 4:]
    after = matrix_from_quaternion(mirrored[:, :4]) @ (M @ point) + mirrored[:, 4:]
    assert_close(after, before @ M, rtol=0, atol=1e-12)


def test_contacts_change_sides_and_back():
    contacts = torch.zeros(2, 21, dtype=torch.bool)
    contacts[0, Joint.LEFT_FOOT - 1] = contacts[1, Joint.RIGHT_KNEE - 1] = True
    mirrored = mirror_contacts(contacts)
    assert mirrored.nonzero().tolist() == [[0, Joint.RIGHT_FOOT - 1], [1, Joint.LEFT_KNEE - 1]]
    assert torch.equal(mirror_contacts(mirrored), contacts)
