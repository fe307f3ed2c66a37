"""The formats, a row each: what their documentation and sample files say of clock, world and head frame.

Sources: Project Aria's documentation and projectaria-tools 2.3.0 (Apache-2.0); the OpenXR, WebXR and OpenVR
specifications; the manuals of Unity and Unreal; Apple's of ARKit and visionOS; HoloLens2ForCV's recorder
(head_hand_eye.csv: a time, the head's 4 × 4, both hands' 26 joints, the gaze); TUM's RGB-D benchmark;
EuRoC MAV; KITTI odometry.
"""

from dataclasses import dataclass
from typing import Literal

from motiongrpo.head.formats.config import (
    POSITION,
    QUATERNION,
    DeviceAxes,
    FormatName,
    Preset,
    TimeUnit,
    WorldAxes,
)

MATRIX_3X4 = tuple(f"m{row}{column}" for row in range(3) for column in range(4))
MATRIX_4X4 = (*MATRIX_3X4, "m30", "m31", "m32", "m33")
GRAVITY = ("gravity_x", "gravity_y", "gravity_z")

UNNAMED = "-"  # a column that is not read
MORE = "…"  # any number of columns, which are not read


@dataclass(frozen=True)
class Format:
    """What one source's recordings are, as far as the format itself says."""

    columns: tuple[str, ...]  # by role, of a file without a header; empty where only a header tells
    pose: tuple[str, ...]  # the roles that give the orientation, and in a matrix the position too
    world: WorldAxes | Literal["gravity"] | None  # or as the file's gravity says; None: not stated
    device: DeviceAxes | None  # None: not stated, or turned by the offset
    clock: TimeUnit | None  # unless the column's name says another; None: not stated
    offset: Preset | Literal[0] | None  # to the eyes; None: nobody has published it
    floor_level: bool  # the world's height 0 is the floor, if the recording keeps to the format


_Y_UP = WorldAxes(up="y", handedness="right", unit_m=1.0)
_UNITY = WorldAxes(up="y", handedness="left", unit_m=1.0)
_UNREAL = WorldAxes(up="z", handedness="left", unit_m=0.01)

_VIEW = DeviceAxes(right="x", up="y", forward="-z")
_CAMERA = DeviceAxes(right="x", up="y", forward="z")  # of a left-handed world
_ACTOR = DeviceAxes(right="y", up="z", forward="x")
_HEAD = DeviceAxes(right="-x", up="y", forward="z")

_NAMED = ()
_TICKS = ("time", *(UNNAMED,) * 8, *POSITION, *QUATERNION)  # local and UTC ticks, then the date in words
_3X4 = ("time", *MATRIX_3X4)
_4X4 = ("time", *MATRIX_4X4)
_RECORDER = (*_4X4, MORE)  # then hands and gaze
_XYZW = ("time", *POSITION, *QUATERNION)
_WXYZ = ("time", *POSITION, "qw", "qx", "qy", "qz", MORE)  # then velocities and biases

# fmt: off
FORMATS: dict[FormatName, Format] = {
    #                  columns     orientation  world      head frame clock    to the eyes   floor at 0
    "aria":     Format(_NAMED,     QUATERNION,  "gravity", None,      "us",    "aria_gen1",  False),
    "openxr":   Format(_NAMED,     QUATERNION,  _Y_UP,     _VIEW,     "ns",    0,            True),
    "webxr":    Format(_NAMED,     QUATERNION,  _Y_UP,     _VIEW,     "ms",    0,            True),
    "unity":    Format(_TICKS,     QUATERNION,  _UNITY,    _CAMERA,   "100ns", 0,            True),
    "unreal":   Format(_NAMED,     QUATERNION,  _UNREAL,   _ACTOR,    "s",     0,            False),
    "openvr":   Format(_3X4,       MATRIX_3X4,  _Y_UP,     _VIEW,     "s",     None,         False),
    "visionos": Format(_4X4,       MATRIX_4X4,  _Y_UP,     _VIEW,     "s",     None,         False),
    "hololens": Format(_RECORDER,  MATRIX_4X4,  _Y_UP,     _VIEW,     "100ns", None,         False),
    "tum":      Format(_XYZW,      QUATERNION,  None,      None,      "s",     None,         False),
    "euroc":    Format(_WXYZ,      QUATERNION,  None,      None,      "ns",    None,         False),
    "kitti":    Format(MATRIX_3X4, MATRIX_3X4,  None,      None,      None,    None,         False),
    "bvh":      Format(_NAMED,     (),          None,      _HEAD,     "s",     "head_joint", False),
    "csv":      Format(_NAMED,     QUATERNION,  None,      None,      None,    None,         False),
}
# fmt: on
