"""Readers of the motion files in a folder; every file is opened only when its reader is called."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath

from motiongrpo.base.errors import InputError
from motiongrpo.base.npz import read_npz
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.motion.clip import Clip, Take
from motiongrpo.motion.raw import suffix
from motiongrpo.motion.rig import RigPoses
from motiongrpo.motion.sources.amass import AmassConfig, amass_take
from motiongrpo.motion.sources.amass_subsets import subset_folders
from motiongrpo.motion.sources.mocap.amc import parse_amc
from motiongrpo.motion.sources.mocap.asf import parse_asf
from motiongrpo.motion.sources.mocap.bvh import Bvh, parse_bvh
from motiongrpo.motion.sources.mocap.takes import MocapConfig, amc_clip, bvh_clip, rest_pose

ENLARGE = "; if that is motion, cut it or raise ingestion.most_megabytes"

Read = Callable[[], bytes]
ClipReader = tuple[str, Callable[[], Clip | Take]]
"""A file's name, and a function that reads it; reading raises InputError where the file cannot be used."""


def mocap_clips(files: Mapping[str, Read], model: BodyModel, config: MocapConfig) -> Iterator[ClipReader]:
    """Every BVH and AMC file of a folder, packed (`.xz`) or plain."""
    rest_poses = _rest_poses(files, config)
    for file in files:
        match suffix(file):
            case ".bvh":
                yield file, partial(_read_bvh, files, file, rest_poses, model, config)
            case ".amc":
                yield file, partial(_read_amc, files, file, model, config)


def amass_clips(
    files: Mapping[str, Read],
    model: BodyModel,
    config: AmassConfig,
    conversion: GenderConversion | None = None,
    most_bytes: float = math.inf,
) -> Iterator[ClipReader]:
    """Every npz file below folders of AMASS's subsets; InputError where a subset is missing.

    A file that unpacks to more than `most_bytes` is refused when it is read.
    """
    archives = [file for file in files if suffix(file) == ".npz"]
    subsets = subset_folders((file.partition("/")[0] for file in archives), config.subsets, "data_root")
    for file in archives:
        yield file, partial(_read_amass, files, file, subsets, model, config, conversion, most_bytes)


def take(file: str) -> str:
    """The name of the take in a file: `iclone/01_01.bvh.xz` is `01_01`."""
    return PurePosixPath(file.removesuffix(".xz")).stem


def _rest_poses(files: Mapping[str, Read], config: MocapConfig) -> dict[str, RigPoses]:
    """By layout, the T-pose that its takes have from another take."""
    poses = {}
    for layout, name in config.rest_takes.items():
        for file in files:
            if take(file) == name and suffix(file) == ".bvh":
                with suppress(Exception):  # a file that cannot be read gets a verdict of its own
                    recognised, pose = rest_pose(_bvh(files, file), config)
                    if recognised == layout:
                        poses[layout] = pose
    return poses


def _read_bvh(
    files: Mapping[str, Read],
    file: str,
    rest_poses: Mapping[str, RigPoses],
    model: BodyModel,
    config: MocapConfig,
) -> Clip:
    return bvh_clip(_bvh(files, file), take(file), rest_poses, model, config)


def _bvh(files: Mapping[str, Read], file: str) -> Bvh:
    return parse_bvh(_text(files, file), f"'{file}'")


def _read_amc(files: Mapping[str, Read], file: str, model: BodyModel, config: MocapConfig) -> Clip:
    folder, subject = PurePosixPath(file).parent, take(file).partition("_")[0]
    names = [(folder / f"{subject}.asf{packed}").as_posix() for packed in ("", ".xz")]
    for skeleton in names:
        if skeleton in files:
            asf = parse_asf(_text(files, skeleton, comment=b"#"), f"'{skeleton}'")
            amc = parse_amc(_text(files, file, comment=b"#"), asf, f"'{file}'")
            return amc_clip(amc, take(file), model, config)
    raise InputError(f"'{file}' needs its skeleton '{names[0]}' beside it")


def _read_amass(
    files: Mapping[str, Read],
    file: str,
    subsets: Mapping[str, str],
    model: BodyModel,
    config: AmassConfig,
    conversion: GenderConversion | None,
    most_bytes: float,
) -> Take:
    folder, _, inside = file.removesuffix(".xz").partition("/")
    if folder not in subsets:
        raise InputError(f"left out: ingestion.amass.subsets does not name '{folder}'")
    older = file.replace("_stageii.npz", "_poses.npz")
    if older != file and older in files:
        raise InputError(f"left out: the same take is there as '{older}'")
    arrays = read_npz(files[file](), f"'{file}'", most_bytes, ENLARGE)
    return amass_take(arrays, f"{subsets[folder]}/{inside}", model, config, conversion)


def _text(files: Mapping[str, Read], file: str, comment: bytes | None = None) -> str:
    """A text file's content, without the byte-order mark that some editors put first.

    Lines that start with `comment` may have any encoding: they are blank where the file is not UTF-8.
    """
    data = files[file]()
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    if comment is not None:
        data = re.sub(rb"(?m)^[ \t]*" + comment + rb"[^\r\n]*", lambda line: b" " * len(line[0]), data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{file}' is not text: byte {error.start} is not UTF-8") from error
