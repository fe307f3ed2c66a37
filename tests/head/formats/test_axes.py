"""From axes of files to the project's: a rotation where the file is right-handed, otherwise a reflection."""

from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.head.formats.axes import OFFSETS, axis_vector, device_axes, said_world, world_axes
from motiongrpo.head.formats.config import Axis, DeviceAxes, WorldAxes
from motiongrpo.head.formats.table import FORMATS
from tests.head.writers import head_config


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


@pytest.mark.parametrize(("axes", "format"), [("x,y,-z", "openxr"), ("x,y,z", "unity"), ("y,z,x", "unreal")])
def test_the_axes_of_a_head_make_the_world_that_engines_have(axes, format):
    unit = {1.0: "m", 0.01: "cm"}[FORMATS[format].world.unit_m]
    config = head_config(axes=axes, unit=unit)
    assert config.axes == FORMATS[format].device
    assert said_world(config, None) == FORMATS[format].world


def test_a_unit_or_axes_alone_replace_theirs_of_what_is_stated():
    stated = WorldAxes(up="y", handedness="left", unit_m=1.0)
    assert said_world(head_config(unit="mm"), stated) == stated.model_copy(update={"unit_m": 0.001})
    ros = WorldAxes(up="z", handedness="right", unit_m=1.0)
    assert said_world(head_config(axes="-y,z,x"), stated) == ros
    assert said_world(head_config(), stated) == stated
    assert said_world(head_config(world=ros, axes="x,-y,z"), stated) == ros
    for unsaid in (head_config(), head_config(unit="m"), head_config(axes="-y,z,x")):
        assert said_world(unsaid, None) is None


def test_a_head_looks_left_up_and_forward():
    view = DeviceAxes(right="x", up="y", forward="-z")
    np.testing.assert_array_equal(device_axes(view), np.diag([-1, 1, -1]))
    np.testing.assert_array_equal(device_axes(None), np.eye(3))


def test_the_eyes_of_a_head_joint_are_those_of_the_mean_open_body():
    body = load_body_model(OPEN_BODY).shaped(torch.zeros(16, dtype=torch.float64))
    np.testing.assert_allclose(OFFSETS["head_joint"][:3], body.p_head_cpf, rtol=0, atol=1e-4)
