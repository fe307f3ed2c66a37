"""Readers of the motion files in a folder; every file is opened only when its reader is called."""

import io
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import IO, Protocol, runtime_checkable

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
from motiongrpo.motion.sources.mocap.asf import Asf, parse_asf
from motiongrpo.motion.sources.mocap.bvh import Bvh, header_rate, read_bvh
from motiongrpo.motion.sources.mocap.takes import MocapConfig, amc_clip, bvh_take, rest_pose
from motiongrpo.motion.sources.patterns import first_match_of_path

ENLARGE = "; if that is motion, cut it or raise ingestion.most_megabytes"

LEAST_OTHERS, MOST_OTHERS = 3, 16  # other takes whose frame rate is compared
USUAL = 0.75  # the share of them that must agree

Read = Callable[[], bytes]


@runtime_checkable
class Opened(Protocol):
    """A file that can be read as a whole or as a stream."""

    def __call__(self) -> bytes: ...

    def open(self) -> IO[bytes]: ...


ClipReader = tuple[str, Callable[[], Clip | Take]]
"""A file's name and its reader, which raises InputError where the file cannot be used."""


@dataclass(frozen=True)
class RestTakes:
    """The takes of a folder that give others their T-pose, opened when the first of the others is read."""

    files: Mapping[str, Opened]
    config: MocapConfig

    @cached_property
    def poses(self) -> dict[str, RigPoses]:
        """The T-pose by layout, for layouts whose takes have it from another take."""
        poses = {}
        for layout, name in self.config.rest_takes.items():
            for file in self.files:
                if take(file) == name and suffix(file) == ".bvh":
                    with suppress(Exception):  # a file that cannot be read gets a verdict of its own
                        _, pieces = _bvh(self.files, file)
                        recognised, pose = rest_pose(next(pieces), self.config)
                        if recognised == layout:
                            poses[layout] = pose
        return poses


def mocap_clips(files: Mapping[str, Opened], model: BodyModel, config: MocapConfig) -> Iterator[ClipReader]:
    """Every BVH and AMC file of a folder, compressed (`.xz`) or not."""
    rest_takes, rates, skeletons = RestTakes(files, config), FolderRates(files, config), Skeletons(files)
    for file in files:
        match suffix(file):
            case ".bvh":
                yield file, partial(_read_bvh, files, file, rest_takes, rates, model, config)
            case ".amc":
                yield file, partial(_read_amc, files, file, skeletons, model, config)


def amass_clips(
    files: Mapping[str, Read],
    model: BodyModel,
    config: AmassConfig,
    conversion: GenderConversion | None = None,
    most_bytes: float = math.inf,
) -> Iterator[ClipReader]:
    """Every npz file below the folders of AMASS's subsets; InputError where a subset is missing.

    A file that unpacks to more than `most_bytes` is refused when it is read.
    """
    archives = [file for file in files if suffix(file) == ".npz"]
    subsets = subset_folders((file.partition("/")[0] for file in archives), config.subsets, "data_root")
    for file in archives:
        yield file, partial(_read_amass, files, file, subsets, model, config, conversion, most_bytes)


def take(file: str) -> str:
    """The name of the take in a file: `iclone/01_01.bvh.xz` is `01_01`."""
    return PurePosixPath(file.removesuffix(".xz")).stem


def take_path(file: str) -> str:
    """The path of the take in a file: `iclone/01_01.bvh.xz` is `iclone/01_01`."""
    return PurePosixPath(file.removesuffix(".xz")).with_suffix("").as_posix()


@dataclass(frozen=True)
class FolderRates:
    """The frame rates stated in BVH files, folder by folder; each is read when first needed."""

    files: Mapping[str, Opened]
    config: MocapConfig
    known: dict[str, float | None] = field(default_factory=dict)

    def doubt(self, file: str) -> str:
        """A warning where most other takes in a file's folder have another rate, "" otherwise."""
        own, others = self._rate(file), [self._rate(other) for other in self._beside(file)]
        stated = [rate for rate in others if rate is not None]
        if own is None or len(stated) < LEAST_OTHERS:
            return ""
        usual, count = Counter(stated).most_common(1)[0]
        factor = max(usual / own, own / usual)
        if count < USUAL * len(stated) or not any(abs(factor / wrong - 1) < 0.02 for wrong in (2, 4)):
            return ""
        beside = f"{count} of {len(stated)} other takes beside it"
        return f"its header says {own:g} frames/s, and that of {beside} {usual:g}"

    @cached_property
    def _by_folder(self) -> dict[PurePosixPath, list[str]]:
        return _by_folder(self.files, ".bvh")

    def _beside(self, file: str) -> list[str]:
        """The other BVH files of a folder; a sample of them where there are many."""
        beside = self._by_folder[PurePosixPath(file).parent]
        return [name for name in beside[:: -(-len(beside) // MOST_OTHERS)] if name != file]

    def _rate(self, file: str) -> float | None:
        """The stated rate; None where it cannot be read, or where the parameters override it."""
        if file not in self.known:
            self.known[file] = None
            if first_match_of_path(take_path(file), self.config.fps, None) is None:
                with suppress(Exception), io.TextIOWrapper(self.files[file].open(), "utf-8-sig") as text:
                    self.known[file] = header_rate(text, file)
        return self.known[file]


@dataclass(frozen=True)
class Skeletons:
    """The skeletons of a folder's AMC files, each read with its first take."""

    files: Mapping[str, Read]
    known: dict[str, Asf] = field(default_factory=dict)

    def of(self, file: str) -> Asf:
        """The skeleton beside a take: the one named after its subject, or the only one."""
        name = self._beside(file)
        if name not in self.known:
            self.known[name] = parse_asf(_text(self.files, name, comment=b"#"), f"'{name}'")
        return self.known[name]

    def _beside(self, file: str) -> str:
        folder, subject = PurePosixPath(file).parent, take(file).partition("_")[0]
        beside = self._by_folder.get(folder, [])
        named = [other for other in beside if take(other) == subject]
        if not named and len(beside) != 1:
            there = f", where {len(beside)} others are" if beside else ""
            raise InputError(f"'{file}' needs its skeleton '{folder / subject}.asf' beside it{there}")
        return (named or beside)[0]

    @cached_property
    def _by_folder(self) -> dict[PurePosixPath, list[str]]:
        return _by_folder(self.files, ".asf")


def _by_folder(files: Iterable[str], kind: str) -> dict[PurePosixPath, list[str]]:
    """The files of one kind, folder by folder."""
    folders = defaultdict(list)
    for name in files:
        if suffix(name) == kind:
            folders[PurePosixPath(name).parent].append(name)
    return dict(folders)


def _read_bvh(
    files: Mapping[str, Opened],
    file: str,
    rest_takes: RestTakes,
    rates: FolderRates,
    model: BodyModel,
    config: MocapConfig,
) -> Take:
    motion = bvh_take(*_bvh(files, file), take_path(file), rest_takes.poses, model, config)
    return replace(
        motion,
        warning=rates.doubt(file),
        remedy="name the true rate in ingestion.mocap.fps",
        is_rest_take=take(file) in config.rest_takes.values(),
    )


def _bvh(files: Mapping[str, Opened], file: str) -> tuple[int, Iterator[Bvh]]:
    """The number of frames in a BVH file, and its motion in pieces that are read one at a time."""
    text = io.TextIOWrapper(files[file].open(), encoding="utf-8-sig")
    with _told_by_byte(files, file):
        frames, pieces = read_bvh(text, f"'{file}'")
    return frames, _while_open(text, pieces, files, file)


def _while_open(
    text: io.TextIOBase, pieces: Iterator[Bvh], files: Mapping[str, Opened], file: str
) -> Iterator[Bvh]:
    with text, _told_by_byte(files, file):
        yield from pieces


@contextmanager
def _told_by_byte(files: Mapping[str, Opened], file: str) -> Iterator[None]:
    """Read the whole file where a stream is not UTF-8, which raises InputError with the place."""
    try:
        yield
    except UnicodeDecodeError:
        _text(files, file)
        raise


def _read_amc(
    files: Mapping[str, Read], file: str, skeletons: Skeletons, model: BodyModel, config: MocapConfig
) -> Clip:
    asf = skeletons.of(file)
    amc = parse_amc(_text(files, file, comment=b"#"), asf, f"'{file}'")
    return amc_clip(amc, take_path(file), model, config)


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

    Lines that start with `comment` may have any encoding: they are left blank where the file is not UTF-8.
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
