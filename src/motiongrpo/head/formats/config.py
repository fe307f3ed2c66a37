"""What a head recording does not say about itself, so that its user has to."""

from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from motiongrpo.base.config import Config
from motiongrpo.head.path import Origin

Axis = Literal["x", "y", "z", "-x", "-y", "-z"]
TimeUnit = Literal["s", "ms", "us", "ns", "100ns"]
LengthUnit = Literal["m", "cm", "mm"]
QuaternionOrder = Literal["xyzw", "wxyz"]
FormatName = Literal[
    "aria",
    "openxr",
    "webxr",
    "unity",
    "unreal",
    "openvr",
    "visionos",
    "hololens",
    "tum",
    "euroc",
    "kitti",
    "bvh",
    "csv",
]
Preset = Literal["aria_gen1", "aria_gen2", "head_joint"]
Offset = Literal[0] | Preset | tuple[float, float, float, float, float, float, float]
"""T_device_cpf: none, one that is known, or position (m) and quaternion `wxyz`.

It is given in the device's left, up and forward where its axes are known, else in its own.
"""

POSITION = ("x", "y", "z")
QUATERNION = ("qx", "qy", "qz", "qw")
ROLES = ("time", *POSITION, *QUATERNION)

UNIT_NORM = 1e-3  # how far from 1 the norm of a unit quaternion may be: files keep few digits


class WorldAxes(Config):
    """The axes of the world that positions are given in."""

    up: Axis
    handedness: Literal["right", "left"]
    unit_m: float = Field(gt=0)  # metres in one unit of length


class DeviceAxes(Config):
    """The axes of the tracked frame, by where they point on a head that looks straight ahead."""

    right: Axis
    up: Axis
    forward: Axis

    @model_validator(mode="after")
    def names_three_axes(self) -> "DeviceAxes":
        if len({axis[-1] for axis in (self.right, self.up, self.forward)}) < 3:
            raise ValueError(
                f"an axis is named twice in right {self.right}, up {self.up}, forward {self.forward}"
            )
        return self


class HeadFormatConfig(Config):
    """The format of head recordings, and what it leaves unsaid; null where the format says it.

    What is given here replaces what the format says.
    """

    format: Literal["auto"] | FormatName
    columns: dict[str, str | int] | list[str | int] | None
    quaternion: QuaternionOrder | None  # order of the file's four columns, from left to right
    axes: DeviceAxes | None  # of the tracked frame, and of a world whose up is the same
    unit: LengthUnit | None
    world: WorldAxes | None
    device: DeviceAxes | None
    time_unit: TimeUnit | None
    offset: Offset | None
    origin: Origin | None
    fps: float | None = Field(gt=0)  # of rows, in files that have no clock

    @field_validator("columns")
    @classmethod
    def names_each_role_once(
        cls, columns: dict[str, str | int] | list[str | int] | None
    ) -> dict[str, str | int] | list[str | int] | None:
        if isinstance(columns, list) and len(columns) != len(ROLES):
            raise ValueError(
                f"a list of columns names eight, time, x, y, z and the quaternion's four, got {len(columns)}"
            )
        if isinstance(columns, dict) and (unknown := [role for role in columns if role not in ROLES]):
            raise ValueError(f"'{unknown[0]}' is no role of a column; there are {', '.join(ROLES)}")
        named = list(columns.values()) if isinstance(columns, dict) else columns or []
        if twice := [column for column in named if named.count(column) > 1]:
            raise ValueError(f"column '{twice[0]}' is named twice")
        return columns

    @field_validator("axes", mode="before")
    @classmethod
    def is_right_up_and_forward(cls, axes: Any) -> Any:
        words = axes.replace(",", " ").split() if isinstance(axes, str) else axes
        if not isinstance(words, list | tuple):
            return axes
        if len(words) != 3:
            raise ValueError(f"axes are three, right, up and forward of a head, such as x,y,-z, got {axes}")
        return dict(zip(("right", "up", "forward"), words, strict=True))

    @field_validator("offset", mode="before")
    @classmethod
    def is_known_or_seven_numbers(cls, offset: Any) -> Any:
        if offset is None or offset == 0 or offset in get_args(Preset):
            return offset
        numbers = list(offset) if isinstance(offset, list | tuple) else []
        if len(numbers) != 7 or not all(isinstance(number, int | float) for number in numbers):
            raise ValueError(
                f"offset is 0, {', '.join(get_args(Preset))}, or seven numbers, "
                f"x, y, z in metres and the unit quaternion w, x, y, z, got {offset}"
            )
        norm = sum(number**2 for number in numbers[3:]) ** 0.5
        if not abs(norm - 1) <= UNIT_NORM:
            raise ValueError(f"the quaternion w, x, y, z of an offset must have norm 1, got {norm:.4g}")
        return offset

    @model_validator(mode="after")
    def orders_a_list(self) -> "HeadFormatConfig":
        if isinstance(self.columns, list) and self.quaternion is None:
            raise ValueError(
                "columns is a list, so quaternion must say how its last four are ordered: xyzw or wxyz"
            )
        return self

    @model_validator(mode="after")
    def says_nothing_twice(self) -> "HeadFormatConfig":
        if self.axes is not None and self.device is not None:
            raise ValueError("axes and device both say where the axes of the head point: leave one out")
        if self.unit is not None and self.world is not None:
            raise ValueError("unit and world.unit_m both say the unit of length: leave one out")
        return self
