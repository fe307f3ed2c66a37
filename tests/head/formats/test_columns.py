"""Roles of columns, by common names and by parameters."""

import numpy as np
import pytest

from motiongrpo.head.formats.columns import role_of
from motiongrpo.head.formats.reader import read_head_path
from tests.head.writers import head_config, walk, write

PATH, SECONDS = walk(30, 30.0)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("tx_world_device", "x"),
        ("CenterEyePosY", "y"),
        ("head.position.z", "z"),
        ("p_z [m]", "z"),
        ("Rotation_W", "qw"),
        ("qx_unity", "qx"),
        ("quat x", "qx"),
        ("tracking_timestamp_us", "time"),
        ("Timestamp [ns]", "time"),
        ("ticks", "time"),
        ("t", "time"),
        ("m03", "m03"),
        ("gravity_y_odometry", "gravity_y"),
        ("session_uid", "map"),
        ("utc_timestamp_ns", None),
        ("device_linear_velocity_x_device", None),
        ("angular_velocity_x_device", None),
        ("LeftHandPosX", None),
        ("x_cm", None),
        ("euler_x", None),
    ],
)
def test_a_name_in_use_has_its_role_and_no_other_has(name, role):
    assert role_of(name) == role


def test_columns_are_found_by_name_by_number_and_by_order(tmp_path):
    write(tmp_path / "named", PATH, SECONDS, "openxr")
    rows = (tmp_path / "named").read_text().partition("\n")[2]
    (tmp_path / "bare").write_text(rows)
    (tmp_path / "odd").write_text("when,a,b,c,d,e,f,g\n" + rows)
    expected = read_head_path(tmp_path / "named", head_config(format="openxr"))
    roles = ("time", "x", "y", "z", "qx", "qy", "qz", "qw")
    given = [
        ("bare", {"columns": list(range(8)), "quaternion": "xyzw"}),
        ("bare", {"columns": dict(zip(roles, range(8), strict=True))}),
        ("odd", {"columns": dict(zip(roles, ["when", *"abcdefg"], strict=True))}),
        ("odd", {"columns": ["when", *"abcdefg"], "quaternion": "xyzw"}),
    ]
    for name, changes in given:
        path = read_head_path(tmp_path / name, head_config(format="openxr", **changes))
        np.testing.assert_array_equal(path.T_world_cpf, expected.T_world_cpf)
        np.testing.assert_array_equal(path.time_s, expected.time_s)


def test_a_rate_stands_in_for_a_clock_that_a_csv_lacks(tmp_path):
    write(tmp_path / "named", PATH, SECONDS, "openxr")
    rows = [line.split(",", 1)[1] for line in (tmp_path / "named").read_text().splitlines()]
    (tmp_path / "head").write_text("\n".join(rows))
    told = {
        "world": {"up": "y", "handedness": "right", "unit_m": 1},
        "device": {"right": "x", "up": "y", "forward": "-z"},
        "offset": 0,
        "fps": 30,
    }
    path = read_head_path(tmp_path / "head", head_config(format="csv", **told))
    np.testing.assert_allclose(path.time_s, SECONDS, rtol=0, atol=1e-12)
