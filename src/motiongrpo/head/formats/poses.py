"""The poses of a file in its own axes and unit, checked to be poses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.config import POSITION, QUATERNION, UNIT_NORM, WorldAxes
from motiongrpo.head.formats.table import MATRIX_3X4, MATRIX_4X4
from motiongrpo.head.formats.text import Rows, Sheet

ORTHONORMAL = 1e-3  # how far RᵀR may be from the identity, any entry


@dataclass(frozen=True)
class FilePoses:
    """What a file says, in its own axes and unit; rows that are not finite are NaN."""

    where: str
    line: Int[np.ndarray, " row"]
    time_s: Float64[np.ndarray, " row"]
    R: Float64[np.ndarray, "row 3 3"]
    p: Float64[np.ndarray, "row 3"]
    notes: tuple[str, ...]
    q_xyzw: Float64[np.ndarray, "row 4"] | None = None  # as read, where the file has quaternions
    world: WorldAxes | None = None  # where the file itself says it
    map_id: Int[np.ndarray, " row"] | None = None
    quality: Float64[np.ndarray, " row"] | None = None


@dataclass(frozen=True)
class Pose:
    """Orientations and positions before they are checked, in the numbers of the file."""

    numbers: Float64[np.ndarray, "row 4"] | Float64[np.ndarray, "row 3 3"]  # quaternions xyzw, or matrices
    p: Float64[np.ndarray, "row 3"]
    note: str | None = None

    @property
    def finite(self) -> Bool[np.ndarray, " row"]:
        """Rows whose numbers are all finite."""
        axes = tuple(range(1, self.numbers.ndim))
        return np.asarray(np.isfinite(self.numbers).all(axis=axes) & np.isfinite(self.p).all(axis=1))

    def error(self) -> Float64[np.ndarray, " row"]:
        """How far each is from a rotation: of the quaternion's norm from 1, or of RᵀR from the identity."""
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no rotation either
            if self.numbers.ndim == 2:
                return np.abs(np.linalg.norm(self.numbers, axis=1) - 1)
            return np.abs(self.numbers.mT @ self.numbers - np.eye(3)).max(axis=(1, 2))

    def rotations(self) -> Float64[np.ndarray, "row 3 3"]:
        """The nearest rotations; NaN where a row is not finite."""
        R = np.full((len(self.p), 3, 3), np.nan)
        numbers = self.numbers[self.finite]
        make = Rotation.from_quat if self.numbers.ndim == 2 else Rotation.from_matrix
        R[self.finite] = make(numbers).as_matrix()
        return R


def pose_of(rows: Rows, pose: tuple[str, ...], where: str) -> Pose:
    """The pose that the columns of a format make."""
    if pose == QUATERNION:
        return Pose(_stacked(rows, QUATERNION), _stacked(rows, POSITION))
    if pose == MATRIX_3X4:
        matrices = _stacked(rows, MATRIX_3X4).reshape(len(rows.line), 3, 4)
        return Pose(matrices[..., :3], matrices[..., 3])
    matrices, note = _row_major(_stacked(rows, MATRIX_4X4).reshape(len(rows.line), 4, 4), where)
    return Pose(matrices[:, :3, :3], matrices[:, :3, 3], note)


def demand_rotations(pose: Pose, rows: Rows, time_s: Float64[np.ndarray, " row"], where: str) -> None:
    """Raise InputError at the first row that is no rotation; mirrored matrices are none."""
    off = pose.finite & ~(pose.error() <= (UNIT_NORM if pose.numbers.ndim == 2 else ORTHONORMAL))
    if pose.numbers.ndim == 3:
        off |= pose.finite & (np.linalg.det(np.nan_to_num(pose.numbers)) < 0)
    if off.any():
        row = int(off.argmax())
        raise InputError(f"{where}, line {rows.line[row]} ({time_s[row]:.3f} s): {_fault(pose.numbers[row])}")


def demand_different_columns(pose: Pose, sheet: Sheet, places: Mapping[str, int]) -> None:
    """Raise InputError where two columns of the pose are the same throughout.

    Zeros may be equal in a quaternion, whose head then turns about one axis; a position of zeros is none.
    """
    quaternion = QUATERNION if pose.numbers.ndim == 2 else ()
    columns = np.concatenate([pose.p, pose.numbers], axis=1) if quaternion else pose.p
    columns = columns[pose.finite]
    for one, other in combinations(range(columns.shape[1]), 2):
        a, b = columns[:, one], columns[:, other]
        if (a == b).all() and (other < len(POSITION) or a.any()):
            names = [_name((*POSITION, *quaternion)[role], sheet, places) for role in (one, other)]
            raise InputError(
                f"{sheet.where}: {' and '.join(names)} are equal in every row; "
                f"name the right columns in recovery.columns, or another --format (recovery.format)"
            )


def _fault(numbers: Float64[np.ndarray, "..."]) -> str:
    """Why a quaternion or a matrix is no rotation."""
    if numbers.ndim == 1:
        q = ", ".join(f"{number:.4g}" for number in numbers)
        return (
            f"the quaternion x, y, z, w ({q}) has norm {math.hypot(*numbers):.4g}, not 1 within "
            f"{UNIT_NORM}; correct the row, or name the quaternion's columns in recovery.columns"
        )
    if np.linalg.det(numbers) < 0:
        return "the matrix is mirrored, its determinant is below 0; export right-handed poses"
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(numbers.T @ numbers - np.eye(3)).max()
    return f"the matrix is no rotation, it is off orthonormal by {error:.2g}; export rigid poses of scale 1"


def _name(role: str, sheet: Sheet, places: Mapping[str, int]) -> str:
    return f"{sheet.column(places[role])}, read as {role}," if role in places else f"the position's {role}"


def _stacked(rows: Rows, roles: tuple[str, ...]) -> Float64[np.ndarray, "row role"]:
    return np.stack([rows.columns[role].astype(np.float64) for role in roles], axis=1)


def _row_major(
    matrices: Float64[np.ndarray, "row 4 4"], where: str
) -> tuple[Float64[np.ndarray, "row 4 4"], str | None]:
    """4 × 4 matrices with the position in their last column, whichever way the file writes them."""
    known = matrices[np.isfinite(matrices).all(axis=(1, 2))]
    corner = np.array([0.0, 0.0, 0.0, 1.0])
    if np.abs(known[:, 3] - corner).max(initial=0) < ORTHONORMAL:
        return matrices, None
    if np.abs(known[:, :, 3] - corner).max(initial=0) < ORTHONORMAL:
        return matrices.mT, "the 4 × 4 matrices are written by columns: the position is in their last row"
    raise InputError(
        f"{where}: its 4 × 4 matrices have neither a last row nor a last column of 0, 0, 0, 1, "
        f"so they are no poses; name another --format (recovery.format)"
    )
