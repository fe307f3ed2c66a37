"""Whether a head is upright: with a wrong world, device, quaternion order or offset it hardly ever is.

A worn head tilts and turns and its up stays near the world's: their product is 0.9 or more on average.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.axes import Conventions, axis_vector
from motiongrpo.head.formats.config import Axis, Preset
from motiongrpo.head.formats.poses import FilePoses

LEAST_UP = 0.5
ALIKE = 0.02  # readings that differ by less explain a recording equally well


def demand_upright(poses: FilePoses, conventions: Conventions, places: dict[str, int]) -> None:
    """Raise InputError where the eyes' up is, on average, not the world's, naming the axis that is up."""
    up = _up(poses.R, conventions)
    if up >= LEAST_UP:
        return
    readings = list(_readings(poses, conventions, places))
    likeliest = max(value for value, _ in readings)
    alike = " or ".join(reading for value, reading in readings if value > likeliest - ALIKE)
    remedy = (
        f"it does by {likeliest:+.2f} with {alike}"
        if likeliest >= LEAST_UP
        else "correct recovery.quaternion, .world, .device or .offset"
    )
    raise InputError(
        f"{poses.where}: the eyes' up goes along the world's, {conventions.world.up}, by {up:+.2f} on "
        f"average, and that of a worn head by more than {LEAST_UP:+}; {remedy}"
    )


def _up(R: Float64[np.ndarray, "row 3 3"], conventions: Conventions) -> float:
    """The mean of (R_world_cpf e_y)·e_z over the rows that are finite."""
    R = R[np.isfinite(R[:, 0, 0])]
    return float(conventions.world_cpf(R, np.zeros((len(R), 3)))[0][:, 2, 1].mean())


def _readings(
    poses: FilePoses, conventions: Conventions, places: dict[str, int]
) -> Iterator[tuple[float, str]]:
    """How upright the head would be if one convention were another, and that parameter."""
    if poses.q_xyzw is not None:
        order, other, R = _other_order(poses.q_xyzw, places)
        yield _up(R, conventions), f"recovery.quaternion {other} (it was read as {order})"
    R, eyes_up = poses.R[np.isfinite(poses.p[:, 0])], conventions.device_cpf()[0][:, 1]
    world_up = axis_vector(conventions.world.up)
    for axis in get_args(Axis):
        yield float((R @ eyes_up @ axis_vector(axis)).mean()), f"recovery.world.up {axis}"
    for axis in get_args(Axis):
        yield float((R @ axis_vector(axis) @ world_up).mean()), f"recovery.device.up {axis}"
    for preset in get_args(Preset) if isinstance(conventions.offset, str) else ():
        yield _up(poses.R, replace(conventions, offset=preset)), f"recovery.offset {preset}"


def _other_order(
    q_xyzw: Float64[np.ndarray, "row 4"], places: dict[str, int]
) -> tuple[str, str, Float64[np.ndarray, "row 3 3"]]:
    """The order the file's columns were read in, the other one, and the rotations in that."""
    letters = sorted("xyzw", key=lambda axis: places[f"q{axis}"])
    in_file = q_xyzw[:, ["xyzw".index(axis) for axis in letters]]
    scalar_first = letters[0] != "w"
    R = np.full((len(q_xyzw), 3, 3), np.nan)
    known = np.isfinite(in_file).all(axis=1)
    R[known] = Rotation.from_quat(in_file[known], scalar_first=scalar_first).as_matrix()
    return "".join(letters), "wxyz" if scalar_first else "xyzw", R
