"""One head path written in every format: an independent statement of each format's axes, units and layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from motiongrpo.head.formats.config import HeadFormatConfig

BASE = Path(__file__).parents[2] / "conf" / "base" / "parameters_recovery.yml"


def head_config(**changes: Any) -> HeadFormatConfig:
    """The parameters of the base environment, changed."""
    base = yaml.safe_load(BASE.read_text(encoding="utf-8"))["recovery"]
    return HeadFormatConfig(**({name: base[name] for name in HeadFormatConfig.model_fields} | changes))


# coordinates of a file from ours (z up, right-handed), and of its tracked frame from x left, y up, z forward
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
Y_UP_LEFT_HANDED = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
Z_UP_LEFT_HANDED = np.diag([1, -1, 1])
Y_DOWN = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
X_UP = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
SAME = np.eye(3)

VIEW = np.diag([-1, 1, -1])
UNITY_CAMERA = np.diag([-1, 1, 1])
ACTOR = np.array([[0, 0, 1], [-1, 0, 0], [0, 1, 0]])
LENS = np.diag([-1, -1, 1])
IMU = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])

ARIA = Rotation.from_quat([0.2097, -0.2447, 0.6753, 0.6634]), np.array([0.005, -0.0515, -0.0499])
VISOR = Rotation.from_euler("x", 5, degrees=True), np.array([0.0, 0.02, -0.08])
HEAD_JOINT = Rotation.identity(), np.array([0.0, 0.0716, 0.0958])
NONE = Rotation.identity(), np.zeros(3)

_VISOR = [*VISOR[1].tolist(), *VISOR[0].as_quat(scalar_first=True).tolist()]
OPTIONS: dict[str, dict[str, Any]] = {
    "openvr": {"offset": _VISOR},
    "visionos": {"offset": _VISOR},
    "hololens": {"offset": 0},
    "tum": {
        "world": {"up": "-y", "handedness": "right", "unit_m": 1},
        "device": {"right": "x", "up": "-y", "forward": "z"},
        "offset": 0,
    },
    "euroc": {
        "world": {"up": "z", "handedness": "right", "unit_m": 1},
        "device": {"right": "-y", "up": "x", "forward": "-z"},
        "offset": 0,
    },
    "kitti": {"world": {"up": "z", "handedness": "right", "unit_m": 1}, "offset": "aria_gen1"},
    "bvh": {"world": {"up": "y", "handedness": "right", "unit_m": 0.01}},
    "csv": {
        "columns": ["stamp", "X", "Y", "Z", "a", "b", "c", "d"],
        "quaternion": "wxyz",
        "world": {"up": "x", "handedness": "right", "unit_m": 0.001},
        "device": {"right": "-x", "up": "y", "forward": "z"},
        "time_unit": "ms",
        "offset": 0,
    },
}
"""What a reader must be told of the files written here, by format."""


def options(format: str, time_s: np.ndarray) -> dict[str, Any]:
    """The parameters under which `read_head_path` reads what `write` wrote in this format."""
    rate = {"fps": float(1 / np.diff(time_s).mean())} if format == "kitti" else {}
    return {"format": format, **OPTIONS.get(format, {}), **rate}


def write(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray, format: str) -> None:
    """Write a path (frame, 7: `wxyz`, then metres, z up) in a format; kitti and bvh keep no times."""
    WRITERS[format](path, np.asarray(T_world_cpf, np.float64), np.asarray(time_s, np.float64))


def walk(frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """A head that walks in a curve, nods, tilts and looks about: T_world_cpf and seconds."""
    s = np.arange(frames) / fps
    upright = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])  # x left, y up, z forward along world x
    yaw = Rotation.from_rotvec(np.outer(0.8 * s + 0.5, [0, 0, 1]))
    nod = Rotation.from_euler("xz", np.stack([0.3 * np.sin(2 * s), 0.1 * np.cos(3 * s)], axis=1))
    q = (yaw * upright * nod).as_quat(canonical=True, scalar_first=True)
    p = np.stack([np.sin(0.8 * s), 1.3 - np.cos(0.8 * s), 1.6 + 0.03 * np.sin(12 * s)], axis=1)
    return np.concatenate([q, p], axis=1), s


def _in_file(
    T_world_cpf: np.ndarray, world: np.ndarray, device: np.ndarray, unit_m: float = 1.0, offset: Any = NONE
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation matrices and positions in the numbers of a file whose device is `offset` from the eyes."""
    R_device_cpf, p_device_cpf = offset
    R_world_cpf = Rotation.from_quat(T_world_cpf[:, :4], scalar_first=True)
    R_world_device = R_world_cpf * R_device_cpf.inv()
    p_world_device = T_world_cpf[:, 4:] - R_world_device.apply(p_device_cpf)
    return world @ R_world_device.as_matrix() @ device.T, p_world_device @ world.T / unit_m


def _quaternions(R: np.ndarray, order: str) -> np.ndarray:
    q = Rotation.from_matrix(R).as_quat(scalar_first=order == "wxyz")
    q[::7] *= -1  # signs flip within files
    return q


def _rows(columns: list[Any], separator: str) -> str:
    """A line for each row; whole numbers stay whole."""
    flat = [part for column in columns for part in (column.T if column.ndim == 2 else [column])]
    words = [
        [str(value) if np.issubdtype(part.dtype, np.integer) else f"{value:.9f}" for value in part]
        for part in flat
    ]
    return "".join(separator.join(row) + "\n" for row in zip(*words, strict=True))


def _ticks(time_s: np.ndarray, per_second: int) -> np.ndarray:
    return np.round(time_s * per_second).astype(np.int64)


def write_aria(
    path: Path,
    T_world_cpf: np.ndarray,
    time_s: np.ndarray,
    up: str = "z",
    maps: Any = None,
    frame: str = "world",
) -> None:
    """MPS's trajectory; `up` y is Aria Digital Twin's, `odometry` the open loop with its column order."""
    R, p = _in_file(T_world_cpf, SAME if up == "z" else Y_UP, SAME, offset=ARIA)
    gravity = [f"{-9.81 if axis == up else 0:.6f}" for axis in "xyz"]
    q = _quaternions(R, "xyzw")
    pose = [f"t{axis}_{frame}_device" for axis in "xyz"] + [f"q{axis}_{frame}_device" for axis in "xyzw"]
    names = ["graph_uid" if frame == "world" else "session_uid", "tracking_timestamp_us", "utc_timestamp_ns"]
    names += [*pose, "device_linear_velocity_x_device", *(f"gravity_{axis}_{frame}" for axis in "xyz")]
    names += ["quality_score"]
    maps = ["0" * 8] * len(p) if maps is None else maps
    rows = [
        [maps[i], str(t), "-1", *(f"{v:.9f}" for v in (*p[i], *q[i])), "0.1", *gravity, "0.75"]
        for i, t in enumerate(_ticks(time_s, 1_000_000))
    ]
    order = list(range(len(names))) if frame == "world" else [1, 2, 0, *range(len(names) - 1, 2, -1)]
    path.write_text("".join(",".join(row[i] for i in order) + "\n" for row in [names, *rows]))


def write_openxr(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Y_UP, VIEW)
    header = "timestamp_ns,pos.x,pos.y,pos.z,rot.x,rot.y,rot.z,rot.w\n"
    path.write_text(header + _rows([_ticks(time_s, 10**9), p, _quaternions(R, "xyzw")], ","))


def write_webxr(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Y_UP, VIEW)
    names = ["time", *(f"position.{axis}" for axis in "XYZ"), *(f"orientation.{axis}" for axis in "XYZW")]
    header = ",".join(f'"{name}"' for name in names)
    path.write_text(header + "\n" + _rows([1e3 * time_s, p, _quaternions(R, "xyzw")], ","))


def write_unity(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Y_UP_LEFT_HANDED, UNITY_CAMERA)
    local = _ticks(time_s, 10**7)
    date = np.tile(np.array([2024, 1, 31, 13, 54, 56, 574]), (len(p), 1))
    path.write_text(_rows([local, local - 36_000_000_000, date, p, _quaternions(R, "xyzw")], ","))


def write_unreal(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Z_UP_LEFT_HANDED, ACTOR, unit_m=0.01)
    header = "Time,LocationX,LocationY,LocationZ,RotationX,RotationY,RotationZ,RotationW\n"
    path.write_text(header + _rows([time_s, p, _quaternions(R, "xyzw")], ","))


def _matrices(T_world_cpf: np.ndarray, offset: Any, world: np.ndarray, device: np.ndarray) -> np.ndarray:
    R, p = _in_file(T_world_cpf, world, device, offset=offset)
    T = np.tile(np.eye(4), (len(p), 1, 1))
    T[:, :3, :3], T[:, :3, 3] = R, p
    return T


def write_openvr(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    T = _matrices(T_world_cpf, VISOR, Y_UP, VIEW)
    path.write_text(_rows([time_s, T[:, :3].reshape(-1, 12)], "\t"))


def write_visionos(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    """Matrices by columns, as simd writes them."""
    T = _matrices(T_world_cpf, VISOR, Y_UP, VIEW)
    path.write_text(_rows([time_s, T.mT.reshape(-1, 16)], ","))


def write_hololens(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    T = _matrices(T_world_cpf, NONE, Y_UP, VIEW)
    hands_and_gaze = np.zeros((len(T), 2 * (1 + 26 * 16) + 10), dtype=np.int64)
    path.write_text(_rows([_ticks(time_s, 10**7), T.reshape(-1, 16), hands_and_gaze], ","))


def write_tum(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Y_DOWN, LENS)
    path.write_text("# timestamp tx ty tz qx qy qz qw\n" + _rows([time_s, p, _quaternions(R, "xyzw")], " "))


def write_euroc(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, SAME, IMU)
    header = (
        "#timestamp [ns],p_RS_R_x [m],p_RS_R_y [m],p_RS_R_z [m],q_RS_w [],q_RS_x [],q_RS_y [],q_RS_z [],v_x\n"
    )
    path.write_text(header + _rows([_ticks(time_s, 10**9), p, _quaternions(R, "wxyz"), 0 * time_s], ","))


def write_kitti(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    path.write_text(_rows([_matrices(T_world_cpf, ARIA, SAME, SAME)[:, :3].reshape(-1, 12)], " "))


def write_bvh(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    R, p = _in_file(T_world_cpf, Y_UP, SAME, unit_m=0.01, offset=HEAD_JOINT)
    angles = Rotation.from_matrix(R).as_euler("ZYX", degrees=True)
    position, rotation = "Xposition Yposition Zposition", "Zrotation Yrotation Xrotation"
    joint = f"ROOT rig:Head\n{{\nOFFSET 0 0 0\nCHANNELS 6 {position} {rotation}\n"
    joint += "End Site\n{\nOFFSET 0 1 0\n}\n}\n"
    motion = f"MOTION\nFrames: {len(p)}\nFrame Time: {np.diff(time_s).mean():.9f}\n"
    path.write_text("HIERARCHY\n" + joint + motion + _rows([p, angles], " "))


def write_csv(path: Path, T_world_cpf: np.ndarray, time_s: np.ndarray) -> None:
    """A spreadsheet's export in another locale: byte-order mark, semicolons, decimal commas, millimetres."""
    R, p = _in_file(T_world_cpf, X_UP, SAME, unit_m=0.001)
    rows = _rows([1e3 * time_s, p, _quaternions(R, "wxyz")], ";").replace(".", ",")
    path.write_bytes(("stamp;X;Y;Z;a;b;c;d\n" + rows).replace("\n", "\r\n").encode("utf-8-sig"))


WRITERS: dict[str, Callable[[Path, np.ndarray, np.ndarray], None]] = {
    "aria": write_aria,
    "openxr": write_openxr,
    "webxr": write_webxr,
    "unity": write_unity,
    "unreal": write_unreal,
    "openvr": write_openvr,
    "visionos": write_visionos,
    "hololens": write_hololens,
    "tum": write_tum,
    "euroc": write_euroc,
    "kitti": write_kitti,
    "bvh": write_bvh,
    "csv": write_csv,
}
