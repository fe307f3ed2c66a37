import pytest
import roma
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from motiongrpo.geometry.alignment import align_to
from motiongrpo.geometry.heading import heading_angle, rotation_about_up, without_heading
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import (
    geodesic_angle,
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    nearest_rotation,
    quaternion_from_matrix,
    quaternion_from_rotation_vector,
    rotation_6d,
    rotation_vector_from_matrix,
    slerp,
)

TIGHT = {"rtol": 0, "atol": 1e-9}


def rotations(count: int) -> torch.Tensor:
    torch.manual_seed(count)
    return roma.random_rotmat(count, dtype=torch.float64)


@given(angle=st.floats(0, 3.14159), seed=st.integers(0, 1000))
def test_exp_and_log_undo_each_other_from_zero_to_almost_pi(angle, seed):
    axis = torch.nn.functional.normalize(
        torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)), dim=0
    )
    v = angle * axis
    assert_close(rotation_vector_from_matrix(matrix_from_rotation_vector(v)), v, rtol=0, atol=1e-6)


def test_quaternions_are_wxyz():
    half_turn_about_z = matrix_from_quaternion(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    assert_close(half_turn_about_z, torch.diag(torch.tensor([-1.0, -1.0, 1.0])))
    quarter = quaternion_from_rotation_vector(torch.tensor([torch.pi / 2, 0, 0], dtype=torch.float64))
    assert_close(quarter, torch.tensor([0.5**0.5, 0.5**0.5, 0, 0], dtype=torch.float64), **TIGHT)


def test_quaternion_and_matrix_undo_each_other():
    R = rotations(50)
    q = quaternion_from_matrix(R)
    assert (q[:, 0] >= 0).all()
    assert_close(matrix_from_quaternion(q), R, **TIGHT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", [0.0, torch.pi])
def test_the_geodesic_angle_has_a_derivative_also_of_no_turn_and_of_half_a_turn(angle, dtype):
    """By rounding, some of these angles would be beyond π, where the arc sine has no derivative."""
    torch.manual_seed(0)
    axis = torch.nn.functional.normalize(torch.randn(2000, 3, dtype=dtype), dim=-1)
    R = matrix_from_rotation_vector(torch.randn(2000, 3, dtype=dtype))
    turned = (R @ matrix_from_rotation_vector(angle * axis)).requires_grad_(True)
    found = geodesic_angle(R, turned)
    found.sum().backward()
    assert bool(turned.grad.isfinite().all())
    assert_close(found, torch.full_like(found, angle), rtol=0, atol=20 * torch.finfo(dtype).eps ** 0.5)


def test_the_geodesic_angle_is_the_angle_turned():
    R, axis = rotations(20), torch.nn.functional.normalize(torch.randn(20, 3, dtype=torch.float64), dim=-1)
    turned = R @ matrix_from_rotation_vector(0.7 * axis)
    assert_close(geodesic_angle(R, turned), torch.full((20,), 0.7, dtype=torch.float64), **TIGHT)


def test_the_nearest_rotation_is_never_a_reflection_and_leaves_rotations_alone():
    torch.manual_seed(0)
    anything = torch.randn(200, 3, 3, dtype=torch.float64)
    assert (torch.linalg.det(anything) < 0).sum() > 50  # U·Vᵀ would reflect these
    assert_close(torch.linalg.det(nearest_rotation(anything)), torch.ones(200, dtype=torch.float64), **TIGHT)
    assert_close(nearest_rotation(rotations(20)), rotations(20), **TIGHT)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_slerp_moves_at_constant_speed_along_the_shorter_arc(weight):
    a, b = quaternion_from_matrix(rotations(30)), -quaternion_from_matrix(rotations(31)[:30])
    at = matrix_from_quaternion(slerp(a, b, torch.full((30,), weight, dtype=torch.float64)))
    A, B = matrix_from_quaternion(a), matrix_from_quaternion(b)
    assert_close(geodesic_angle(A, at), weight * geodesic_angle(A, B), rtol=0, atol=1e-7)


def test_slerp_of_equal_rotations_stays():
    a = quaternion_from_matrix(rotations(5))
    assert_close(slerp(a, a, torch.full((5,), 0.5, dtype=torch.float64)), a, **TIGHT)


def test_six_numbers_determine_the_rotation():
    R = rotations(10)
    x, y = rotation_6d(R).split(3, dim=-1)
    assert_close(torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1), R, **TIGHT)


def test_transforms_form_a_group():
    torch.manual_seed(0)
    a, b = (Transform(rotations(7), torch.randn(7, 3, dtype=torch.float64)) for _ in range(2))
    points = torch.randn(7, 3, dtype=torch.float64)
    assert_close((a @ b).apply(points), a.apply(b.apply(points)), **TIGHT)
    assert_close((a @ a.inverse()).p, torch.zeros(7, 3, dtype=torch.float64), **TIGHT)
    again = Transform.from_wxyz_xyz(a.wxyz_xyz())
    assert_close(again.R, a.R, **TIGHT)
    assert_close(again.p, a.p, **TIGHT)


def test_without_heading_a_frame_looks_along_x():
    R = rotations(20)
    level = without_heading(R)
    assert_close(level[:, 1, 2], torch.zeros(20, dtype=torch.float64), **TIGHT)
    assert (level[:, 0, 2] > 0).all()
    assert_close(level[:, 2], R[:, 2], **TIGHT)  # heights of the axes are untouched


def test_heading_adds_up_with_yaw():
    R = rotations(20)
    yaw = torch.linspace(-3, 3, 20, dtype=torch.float64)
    turned = heading_angle(rotation_about_up(yaw) @ R) - heading_angle(R) - yaw
    assert_close(torch.cos(turned), torch.ones(20, dtype=torch.float64), **TIGHT)


def test_alignment_undoes_any_similarity_but_no_reflection():
    torch.manual_seed(0)
    target = torch.randn(4, 22, 3, dtype=torch.float64)
    moved = 1.7 * target @ rotations(4).mT + torch.randn(4, 1, 3, dtype=torch.float64)
    assert_close(align_to(moved, target), target, **TIGHT)
    reflected = target * torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    assert (align_to(reflected, target) - target).norm(dim=-1).mean() > 0.3
