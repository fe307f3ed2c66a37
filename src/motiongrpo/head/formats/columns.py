"""Which column of a file is which: by the header's names, by the format's fixed order, or as the user says.

A name is split into words (`CenterEyePosX`, `tx_world_device`, `q_w`, `timestamp [ns]`); words that only say
whose pose it is are ignored, and the rest must be a known name. Velocities, hands and a second clock keep
words that are unknown, so they are never taken for the head's pose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.head.formats.config import POSITION, QUATERNION, HeadFormatConfig, TimeUnit
from motiongrpo.head.formats.table import GRAVITY, MORE, UNNAMED, Format
from motiongrpo.head.formats.text import Sheet

LISTED = 120  # characters of the columns that a message names
MAP, QUALITY = "map", "quality"

_OF_WHOM = (
    "head",
    "hmd",
    "headset",
    "device",
    "eye",
    "eyes",
    "center",
    "centre",
    "centereye",
    "camera",
    "view",
)
_IN_WHAT = ("pose", "world", "local", "odometry", "tracking", "unity", "unreal", "openxr", "webxr", "openvr")
_CONTEXT = frozenset((*_OF_WHOM, *_IN_WHAT, "shifted", "elapsed", "m", "meters", "metres"))
_UNITS: dict[str, TimeUnit] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanoseconds"), "ns"),
    **dict.fromkeys(("ticks", "100ns"), "100ns"),
}
_PATTERNS = {
    r"(?:p|t|pos|position|translation|loc|location)?([xyz])": "",
    r"(?:q|quat|quaternion|rot|rotation|ori|orientation)([xyzw])": "q",
    r"(?:m|mat|matrix|transform)?([0-3][0-3])": "m",
    r"gravity([xyz])": "gravity_",
}
_WHOLE = {
    **dict.fromkeys(("t", "ts", "time", "timestamp", "clock"), "time"),
    **dict.fromkeys(("graphuid", "sessionuid", "mapid"), MAP),
    "qualityscore": QUALITY,
}


@dataclass(frozen=True)
class Columns:
    """The places of the columns that are read, by role."""

    places: Mapping[str, int]
    texts: Mapping[str, int]  # of columns that are words
    time_unit: TimeUnit | None  # where the clock's name says it


def find_columns(sheet: Sheet, name: str, format: Format, config: HeadFormatConfig) -> Columns:
    """The columns of a file; InputError where one that the format needs is missing or there twice."""
    needed = _needed(format, config)
    given = {} if config.columns is None else _as_given(sheet, config)
    named = _by_name(sheet, given) | given
    if all(role in named for role in needed):
        places = {role: place for role, place in named.items() if role != MAP}
        texts = {MAP: named[MAP]} if MAP in named else {}
        ordered = places if isinstance(config.columns, list) else _reordered(places, config)
        return Columns(ordered, texts, _unit(sheet, named.get("time")))
    missing = ", ".join(role for role in needed if role not in named)
    if given:
        raise InputError(f"{sheet.where}: recovery.columns leaves out {missing}, which format {name} needs")
    if format.columns and (sheet.commented or not sheet.names):
        return Columns(_reordered(_in_order(sheet, name, format), config), {}, None)
    raise InputError(
        f"{sheet.where} has no column for {missing}, which format {name} needs; {_there_is(sheet)}: "
        f"name yours in recovery.columns, or another --format (recovery.format)"
    )


def role_of(name: str) -> str | None:
    """The role of a column by its name; None where the name is none in use."""
    words = [word for word in _split(name) if word not in _CONTEXT]
    whole = "".join(words)
    for pattern, prefix in _PATTERNS.items():
        if match := re.fullmatch(pattern, whole):
            return prefix + match[1]
    clock = "".join(word for word in words if word not in _UNITS)
    return _WHOLE.get(whole) or ("time" if _WHOLE.get(clock) == "time" or whole == "ticks" else None)


def _split(name: str) -> list[str]:
    """`CenterEyePosX` as center, eye, pos, x."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z0-9]+", spaced.lower())


def _unit(sheet: Sheet, place: int | None) -> TimeUnit | None:
    words = _split(sheet.names[place]) if sheet.names and place is not None else []
    return next((_UNITS[word] for word in reversed(words) if word in _UNITS), None)


def _needed(format: Format, config: HeadFormatConfig) -> list[str]:
    """The roles that a file of a format must have."""
    clock = ["time"] if config.fps is None or format.clock is not None else []
    position = [] if "m03" in format.pose else list(POSITION)
    return (
        clock
        + position
        + list(format.pose)
        + (list(GRAVITY) if format.world == "gravity" and (config.world or config.axes) is None else [])
    )


def _by_name(sheet: Sheet, given: Mapping[str, int]) -> dict[str, int]:
    """The places of all names that are in use, for roles and of columns that are not given."""
    found: dict[str, int] = {}
    for place, name in enumerate(sheet.names):
        role = role_of(name)
        if role in given or place in given.values():
            continue
        if role in found:
            raise InputError(
                f"{sheet.where}: both {sheet.column(found[role])} and {sheet.column(place)} could be {role}; "
                f"say which in recovery.columns"
            )
        if role is not None:
            found[role] = place
    return found


def _in_order(sheet: Sheet, name: str, format: Format) -> dict[str, int]:
    """The places in a file without a header, which the format fixes."""
    order = [role for role in format.columns if role != MORE]
    if sheet.width < len(order) or (sheet.width > len(order) and MORE not in format.columns):
        more = " or more" if MORE in format.columns else ""
        raise InputError(
            f"{sheet.where} has no header that names its {sheet.width} columns, and format {name} has "
            f"{len(order)}{more}: name them in recovery.columns, "
            f"or another --format (recovery.format)"
        )
    return {role: place for place, role in enumerate(order) if role != UNNAMED}


def _as_given(sheet: Sheet, config: HeadFormatConfig) -> dict[str, int]:
    """The places of `recovery.columns`: names in the header, or numbers that count from 0."""
    if isinstance(config.columns, dict):
        return {role: _place(sheet, column) for role, column in config.columns.items()}
    roles = ("time", *POSITION, *(f"q{axis}" for axis in config.quaternion or ""))
    return {role: _place(sheet, column) for role, column in zip(roles, config.columns or (), strict=True)}


def _place(sheet: Sheet, column: str | int) -> int:
    if isinstance(column, int) and 0 <= column < sheet.width:
        return column
    if column in sheet.names:
        return sheet.names.index(column)
    raise InputError(f"{sheet.where} has no column '{column}', named in recovery.columns; {_there_is(sheet)}")


def _reordered(places: dict[str, int], config: HeadFormatConfig) -> dict[str, int]:
    """The four columns of the quaternion, from left to right, in the order that the user says they have."""
    if config.quaternion is None or not set(QUATERNION) <= set(places):
        return places
    left_to_right = sorted(places[role] for role in QUATERNION)
    return places | {f"q{axis}": place for axis, place in zip(config.quaternion, left_to_right, strict=True)}


def _there_is(sheet: Sheet) -> str:
    if not sheet.names:
        return f"it has {sheet.width} columns, counted from 0, and no header, such as t,x,y,z,qw,qx,qy,qz"
    listed = ", ".join(f"'{name}'" for name in sheet.names)
    return f"it has {shown(listed, LISTED)}"
