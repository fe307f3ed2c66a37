"""Formats told by their header alone, where it is one that nothing else writes."""

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.config import FormatName, HeadFormatConfig
from motiongrpo.head.formats.table import FORMATS, MATRIX_4X4
from motiongrpo.head.formats.text import Sheet

_HANDS, _GAZE = 2 * (1 + 26 * 16), 1 + 9  # of HoloLens2ForCV's recorder: flags, joints, gaze
HOLOLENS_COLUMNS = 1 + len(MATRIX_4X4) + _HANDS + _GAZE


def format_of(sheet: Sheet, config: HeadFormatConfig) -> FormatName:
    """The format that is named, or that of an unmistakable header; InputError where the two differ."""
    recognised = _recognised(sheet)
    if config.format == "auto":
        if recognised is None:
            raise InputError(
                f"{sheet.where} has no header that tells its format: name it with --format "
                f"(recovery.format), one of {', '.join(FORMATS)}; csv is any table of poses"
            )
        return recognised
    if recognised not in (None, config.format) and config.format != "csv":
        raise InputError(
            f"{sheet.where} is to be read as {config.format}, and its header is that of {recognised}: "
            f"name it with --format {recognised} (recovery.format), or csv to say all yourself"
        )
    if config.format == "bvh" and recognised is None:
        raise InputError(f"{sheet.where} is no BVH file: it does not begin with HIERARCHY")
    return config.format


def _recognised(sheet: Sheet) -> FormatName | None:
    names = {name.strip().lower() for name in sheet.names}
    if "HIERARCHY" in (sheet.names[:1] or sheet.first[:1]):
        return "bvh"
    if "tracking_timestamp_us" in names and names & {"qw_world_device", "qw_odometry_device"}:
        return "aria"
    if {"x_unity", "y_unity", "z_unity", "qx_unity", "qy_unity", "qz_unity", "qw_unity"} <= names:
        return "unity"
    if any(name.startswith("q_rs_w") for name in names):
        return "euroc"
    if not names and sheet.width == HOLOLENS_COLUMNS:
        return "hololens"
    return None
