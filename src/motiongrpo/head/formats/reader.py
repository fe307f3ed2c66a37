"""One head recording, in any format of the table, as rows in the project's axes at the eyes."""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import escaped, shown
from motiongrpo.head.formats.axes import Conventions, demand_rotation, said_world
from motiongrpo.head.formats.bvh import read_bvh
from motiongrpo.head.formats.clock import (
    PER_SECOND,
    demand_increasing,
    seconds,
    unit_of_steps,
    unit_of_ticks,
)
from motiongrpo.head.formats.columns import MAP, QUALITY, Columns, find_columns
from motiongrpo.head.formats.config import UNIT_NORM, FormatName, HeadFormatConfig, WorldAxes
from motiongrpo.head.formats.poses import (
    FilePoses,
    Pose,
    demand_different_columns,
    demand_rotations,
    pose_of,
)
from motiongrpo.head.formats.recognition import format_of
from motiongrpo.head.formats.table import FORMATS, GRAVITY, Format
from motiongrpo.head.formats.text import Rows, Sheet, open_sheet, read_rows
from motiongrpo.head.formats.upright import demand_upright
from motiongrpo.head.path import RawHeadPath

AXES_UNSAID = (
    "its axes: say where right, up and forward of a level head point, --axes x,y,-z as in OpenXR, x,y,z as "
    "in Unity, -y,z,x as in ROS"
)
UNIT_UNSAID = "its unit of length: say --unit m, cm or mm"
OFFSET_UNSAID = (
    "where the eyes are from what is tracked: say --offset 0 (at the eyes), aria_gen1, aria_gen2 or seven "
    "numbers, left, up, forward in m and w, x, y, z"
)
ALONG_AN_AXIS = 0.999  # the least cosine of gravity with the axis that it names
ARIA_WORLD = {
    axis: WorldAxes(up=axis, handedness="right", unit_m=1.0) for axis in ("x", "y", "z", "-x", "-y", "-z")
}


def read_head_path(path: Path, config: HeadFormatConfig) -> RawHeadPath:
    """Read one recording; InputError, in one sentence, where it is not what the format says.

    Nothing is repaired: rows that are not finite are NaN, and only a last row that is not whole is left out.
    """
    where = f"'{shown(path.name)}'"
    sheet = open_sheet(path, where)
    name = format_of(sheet, config)
    format = FORMATS[name]
    if name == "bvh":
        poses, places = read_bvh(sheet, config), {}
    else:
        columns = find_columns(sheet, name, format, config)
        poses, places = _read_table(sheet, columns, format, config), dict(columns.places)
    conventions = conventions_of(name, config, poses.where, poses.world)
    demand_upright(poses, conventions, places)
    return RawHeadPath(
        name=escaped(path.name),
        format=name,
        line=poses.line,
        time_s=poses.time_s,
        T_world_cpf=_T_world_cpf(poses, conventions),
        origin=config.origin or ("floor" if format.floor_level else "unknown"),
        map_id=poses.map_id,
        quality=poses.quality,
        notes=poses.notes,
    )


def _read_table(sheet: Sheet, columns: Columns, format: Format, config: HeadFormatConfig) -> FilePoses:
    """The poses of a file of rows, in its own axes."""
    rows = read_rows(sheet, columns.places, columns.texts)
    pose = pose_of(rows, format.pose, sheet.where)
    if rows.cut_end and pose.finite[-1] and pose.error()[-1] > UNIT_NORM:
        line = rows.line[-1]
        rows = rows.without_last(
            f"line {line}, the last row, ends in the middle of a number and was left out"
        )
        pose = pose_of(rows, format.pose, sheet.where)
    time_s, notes = _time(rows, sheet, columns, format, config)
    if pose.finite.sum() < 2:
        raise InputError(
            f"{sheet.where} has {pose.finite.sum()} rows whose numbers are finite; a path has two or more"
        )
    demand_increasing(time_s, rows.line, sheet.where)
    demand_different_columns(pose, sheet, columns.places)
    demand_rotations(pose, rows, time_s, sheet.where)
    return _poses(sheet, rows, pose, time_s, (*rows.notes, *filter(None, (pose.note, *notes))))


def _poses(sheet: Sheet, rows: Rows, pose: Pose, time_s: np.ndarray, notes: tuple[str, ...]) -> FilePoses:
    """The rows as poses, with what else the file says of them."""
    p = np.where(pose.finite[:, None], pose.p, np.nan)
    maps, quality = rows.columns.get(MAP), rows.columns.get(QUALITY)
    return FilePoses(
        where=sheet.where,
        line=rows.line,
        time_s=time_s,
        R=pose.rotations(),
        p=p,
        notes=notes,
        q_xyzw=pose.numbers if pose.numbers.ndim == 2 else None,
        world=_gravity_world(rows, sheet) if GRAVITY[0] in rows.columns else None,
        map_id=None if maps is None else pd.factorize(maps)[0].astype(np.int64),
        quality=None if quality is None else quality.astype(np.float64),
    )


def _time(
    rows: Rows, sheet: Sheet, columns: Columns, format: Format, config: HeadFormatConfig
) -> tuple[Float64[np.ndarray, " row"], tuple[str, ...]]:
    """Seconds of the file's clock, or of its rows' rate where it has none, and what was decided."""
    ticks = rows.columns.get("time")
    if ticks is None:
        if config.fps is None:
            raise InputError(f"{sheet.where} has no clock: give the rate of its rows in recovery.fps")
        return np.arange(len(rows.line)) / config.fps, ()
    stated = config.time_unit or columns.time_unit
    if stated is None and format.clock is None:
        return _time_by_rate(ticks, sheet, columns)
    unit = stated or unit_of_ticks(ticks, format.clock or "s")
    note = "its clock has fractions, so it was taken to count seconds"
    return seconds(ticks, unit), (note,) if stated is None and unit != format.clock else ()


def _time_by_rate(
    ticks: np.ndarray, sheet: Sheet, columns: Columns
) -> tuple[Float64[np.ndarray, " row"], tuple[str, ...]]:
    """Seconds of a clock whose unit nothing states, if a headset's rate tells it; and that it was told so."""
    unit = unit_of_steps(ticks)
    if unit is None:
        name = sheet.column(columns.places["time"])
        raise InputError(
            f"{sheet.where} does not say the unit of its clock, {name}, and its rows come at no rate that "
            f"tells it: set recovery.time_unit to {', '.join(PER_SECOND)}"
        )
    time_s = seconds(ticks, unit)
    rate = 1 / float(np.nanmedian(np.diff(time_s)))
    return time_s, (f"its clock was taken to count {unit}, since it then has {rate:.3g} rows a second",)


def _gravity_world(rows: Rows, sheet: Sheet) -> WorldAxes:
    """The world whose up is against the file's gravity, which must point along an axis."""
    gravity = np.stack([rows.columns[role].astype(np.float64) for role in GRAVITY], axis=1)
    known = np.flatnonzero(np.isfinite(gravity).all(axis=1))
    up = -gravity[known] / np.maximum(np.linalg.norm(gravity[known], axis=1, keepdims=True), 1e-12)
    mean = up.mean(axis=0) if len(known) else np.zeros(3)
    along = int(np.abs(mean).argmax())
    axis = ("-" if mean[along] < 0 else "") + "xyz"[along]
    if len(off := np.flatnonzero(np.sign(mean[along]) * up[:, along] < ALONG_AN_AXIS)) or not len(known):
        row = known[off[0]] if len(known) else 0
        x, y, z = gravity[row]
        raise InputError(
            f"{sheet.where}, line {rows.line[row]}: gravity ({x:.3g}, {y:.3g}, {z:.3g}) lies along no axis "
            f"of the world, or not along the same throughout; set recovery.world"
        )
    return ARIA_WORLD[axis]


def conventions_of(
    name: FormatName, config: HeadFormatConfig, where: str, world_of_file: WorldAxes | None = None
) -> Conventions:
    """What the user says, else the file, else the format; InputError where nobody does."""
    format = FORMATS[name]
    world = said_world(config, world_of_file or (format.world if format.world != "gravity" else None))
    offset = format.offset if config.offset is None else config.offset
    device = config.device or config.axes or format.device
    unsaid = [
        sentence
        for sentence, missing in (
            (AXES_UNSAID, (world is None and config.axes is None) or (device is None and not offset)),
            (UNIT_UNSAID, world is None and config.unit is None),
            (OFFSET_UNSAID, offset is None),
        )
        if missing
    ]
    if world is None or offset is None or unsaid:
        raise InputError(f"{where}: format {name} does not state {'; '.join(unsaid)}")
    conventions = Conventions(world, device, offset)
    demand_rotation(conventions, where)
    return conventions


def _T_world_cpf(poses: FilePoses, conventions: Conventions) -> Float64[np.ndarray, "row 7"]:
    """`wxyz` with w ≥ 0, then position; NaN where a row is not finite."""
    known = np.isfinite(poses.p[:, 0])
    R, p = conventions.world_cpf(poses.R[known], poses.p[known])
    T_world_cpf = np.full((len(known), 7), np.nan)
    T_world_cpf[known, :4] = Rotation.from_matrix(R).as_quat(canonical=True, scalar_first=True)
    T_world_cpf[known, 4:] = p
    return T_world_cpf
