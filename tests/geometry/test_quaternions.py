import itertools
import math

import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.geometry.quaternions import from_euler, inverse, product, rotated, with_positive_w
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector

EXACT = {"rtol": 0, "atol": 1e-12}


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(shape)))


def unit(*shape: int) -> torch.Tensor:
    return torch.nn.functional.normalize(random(*shape, 4), dim=-1)


def test_a_product_is_that_of_the_matrices_whatever_broadcasts():
    a, b = unit(5, 3), unit(3)
    R_a, R_b = matrix_from_quaternion(a), matrix_from_quaternion(b)
    assert_close(matrix_from_quaternion(product(a, b)), R_a @ R_b, **EXACT)
    assert_close(matrix_from_quaternion(product(b, a)), R_b @ R_a, **EXACT)


def test_an_inverse_undoes_its_rotation():
    q = unit(7)
    identity = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    assert_close(product(q, inverse(q)), identity.expand(7, 4), **EXACT)


def test_points_turn_as_by_the_matrix():
    q, p = unit(6, 2), random(6, 2, 3)
    assert_close(rotated(q, p), (matrix_from_quaternion(q) @ p[..., None])[..., 0], **EXACT)


@pytest.mark.parametrize("order", ["".join(axes) for axes in itertools.permutations("xyz")])
def test_each_angle_turns_the_axes_of_the_next(order):
    angles = math.pi * random(4, 2, 3)
    axes = torch.eye(3, dtype=torch.float64)
    first, second, third = (
        matrix_from_rotation_vector(angles[..., place, None] * axes["xyz".index(axis)])
        for place, axis in enumerate(order)
    )
    R = matrix_from_quaternion(from_euler(order, angles))
    assert_close(R, first @ second @ third, **EXACT)
    assert_close(R, roma.euler_to_rotmat(order.upper(), angles), **EXACT)


def test_either_sign_is_the_same_rotation_with_w_not_negative():
    q = unit(20)
    assert bool((with_positive_w(q)[:, 0] >= 0).all())
    assert torch.equal(with_positive_w(-q), with_positive_w(q))


def test_results_keep_frames_side_by_side_in_memory():
    q = unit(3, 50).permute(1, 0, 2)  # frame joint 4
    assert product(q, q).stride() == (1, 50, 150)
