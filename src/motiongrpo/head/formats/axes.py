"""From the axes of a file to the project's: world z up and right-handed, head x left, y up, z forward.

Two matrices do it: A takes world coordinates of the file to ours, B coordinates of its tracked frame to
those of the head. Then R_world_head = A · R · Bᵀ for the matrix R that the file's numbers make, even where
the file is left-handed: both have determinant −1 there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.config import (
    Axis,
    DeviceAxes,
    HeadFormatConfig,
    LengthUnit,
    Offset,
    Preset,
    WorldAxes,
)

Matrix = Float64[np.ndarray, "3 3"]

OFFSETS: dict[Preset, tuple[float, ...]] = {
    # CAD values of projectaria-tools 2.3.0 (Apache-2.0); subtypes of Gen 1 differ by 2 mm
    "aria_gen1": (0.005, -0.0515, -0.0499, 0.6634, 0.2097, -0.2447, 0.6753),
    "aria_gen2": (0.063, 0.0195, -0.0295, -0.0358, 0.1679, -0.2056, 0.9635),
    # from the head joint of the open body's mean to midway between its pupils
    "head_joint": (0.0, 0.0716, 0.0958, 1.0, 0.0, 0.0, 0.0),
}
"""T_device_cpf as position (m) and quaternion `wxyz`.

It is given in the device's left, up and forward where its axes are known, else in its own.
"""

METRES: dict[LengthUnit, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001}

NO_OFFSET = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Conventions:
    """Everything that turns a file's poses into T_world_cpf."""

    world: WorldAxes
    device: DeviceAxes | None  # None: the offset turns the file's own axes
    offset: Offset

    def world_cpf(
        self, R: Float64[np.ndarray, "row 3 3"], p: Float64[np.ndarray, "row 3"]
    ) -> tuple[Float64[np.ndarray, "row 3 3"], Float64[np.ndarray, "row 3"]]:
        """R_world_cpf and p_world_cpf, metres, of a file's rotations and positions."""
        A = world_axes(self.world)
        R_device_cpf, p_device_cpf = self.device_cpf()
        return A @ R @ R_device_cpf, (self.world.unit_m * p + R @ p_device_cpf) @ A.T

    def device_cpf(self) -> tuple[Matrix, Float64[np.ndarray, "3"]]:
        """The eyes' axes and place (m) in the axes of the tracked frame, as the file has them."""
        numbers = OFFSETS[self.offset] if isinstance(self.offset, str) else self.offset or NO_OFFSET
        B, R = device_axes(self.device), Rotation.from_quat(numbers[3:], scalar_first=True)
        return B.T @ R.as_matrix(), B.T @ np.array(numbers[:3])


def said_world(config: HeadFormatConfig, stated: WorldAxes | None) -> WorldAxes | None:
    """The world that a user says, in whole or by axes and unit, over what the file or the format states.

    A head's axes make a world of the same handedness, whose up is theirs. None where something is unsaid.
    """
    if config.world is not None:
        return config.world
    unit_m = METRES[config.unit] if config.unit is not None else stated and stated.unit_m
    if unit_m is None or (config.axes is None and stated is None):
        return None
    if config.axes is None:
        return stated and stated.model_copy(update={"unit_m": unit_m})
    side = "right" if np.linalg.det(device_axes(config.axes)) > 0 else "left"
    return WorldAxes(up=config.axes.up, handedness=side, unit_m=unit_m)


def demand_rotation(conventions: Conventions, where: str) -> None:
    """Raise InputError where a right-handed world meets left-handed axes of the device, or the reverse."""
    world, device = world_axes(conventions.world), device_axes(conventions.device)
    if np.linalg.det(world) * np.linalg.det(device) < 0:
        side = {True: "right", False: "left"}
        raise InputError(
            f"{where}: the world is {side[np.linalg.det(world) > 0]}-handed and the axes of the device are "
            f"{side[np.linalg.det(device) > 0]}-handed: correct recovery.world.handedness or .device"
        )


def world_axes(world: WorldAxes) -> Matrix:
    """A: the file's x (its y where x is up) stays the first horizontal axis."""
    up = axis_vector(world.up)
    first = axis_vector("y" if world.up[-1] == "x" else "x")
    second = np.cross(up, first)
    return np.stack([first, second if world.handedness == "right" else -second, up])


def device_axes(device: DeviceAxes | None) -> Matrix:
    """B: its rows are left, up and forward in the axes of the tracked frame."""
    if device is None:
        return np.eye(3)
    return np.stack([-axis_vector(device.right), axis_vector(device.up), axis_vector(device.forward)])


def axis_vector(axis: Axis) -> Float64[np.ndarray, "3"]:
    """`-y` as (0, −1, 0)."""
    vector = np.zeros(3)
    vector["xyz".index(axis[-1])] = -1.0 if axis.startswith("-") else 1.0
    return vector
