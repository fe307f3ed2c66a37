"""Axes of files and the project's: proper where the file is right-handed, mirrored where it is not."""

from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.head.formats.axes import OFFSETS, axis_vector, device_axes, world_axes
from motiongrpo.head.formats.config import Axis, DeviceAxes, WorldAxes


@pytest.mark.parametrize(("up", "handedness"), list(product(get_args(Axis), ("right", "left"))))
def test_world_axes_put_up_on_z_and_keep_or_mirror(up, handedness):
    A = world_axes(WorldAxes(up=up, handedness=handedness, unit_m=1.0))
    np.testing.assert_array_equal(A @ axis_vector(up), [0, 0, 1])
    np.testing.assert_array_equal(A @ A.T, np.eye(3))
    assert np.linalg.det(A) == pytest.approx(1 if handedness == "right" else -1)


def test_axes_of_unity_flip_as_its_quaternions_do():
    """(x, y, z) and (qx, qy, qz, qw) of Unity are (x, y, −z) and (−qx, −qy, qz, qw) of OpenXR."""
    unity = world_axes(WorldAxes(up="y", handedness="left", unit_m=1.0))
    openxr = world_axes(WorldAxes(up="y", handedness="right", unit_m=1.0))
    np.testing.assert_array_equal(unity, openxr @ np.diag([1, 1, -1]))


def test_a_head_looks_left_up_and_forward():
    view = DeviceAxes(right="x", up="y", forward="-z")
    np.testing.assert_array_equal(device_axes(view), np.diag([-1, 1, -1]))
    np.testing.assert_array_equal(device_axes(None), np.eye(3))


def test_the_eyes_of_a_head_joint_are_those_of_the_mean_open_body():
    body = load_body_model(OPEN_BODY).shaped(torch.zeros(16, dtype=torch.float64))
    np.testing.assert_allclose(OFFSETS["head_joint"][:3], body.p_head_cpf, rtol=0, atol=1e-4)
