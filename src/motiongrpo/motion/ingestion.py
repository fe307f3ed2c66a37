"""Ingestion of one raw file: the clips that are kept, and a verdict on the file."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Literal

from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.floor_contact import ContactConfig
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.motion.cadence import cadence_doubt
from motiongrpo.motion.clip import Clip, Take
from motiongrpo.motion.frame_rate import FrameRate
from motiongrpo.motion.grounding import FloorConfig, GroundedClip, ground
from motiongrpo.motion.quality import QualityConfig, QualityReport, check_quality
from motiongrpo.motion.raw import MostMegabytes, RawFolder
from motiongrpo.motion.resample import resample
from motiongrpo.motion.sources.amass import AmassConfig
from motiongrpo.motion.sources.egoallo_hdf5 import EgoAlloConfig, egoallo_clips
from motiongrpo.motion.sources.folder import ClipReader, amass_clips, mocap_clips
from motiongrpo.motion.sources.mocap.takes import MocapConfig
from motiongrpo.motion.sources.rich import RichConfig, rich_clips
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise
from motiongrpo.motion.splits import SplitConfig
from motiongrpo.motion.store import WARNING, FileVerdict

MOST_CHARACTERS = 399  # of a reason


class IngestionConfig(Config):
    """Where motion comes from, which quality it must have, and how it is divided into splits."""

    source: Literal["synthetic", "mocap", "amass", "egoallo_hdf5", "rich"]
    workers: int | None = Field(ge=1)  # processes that read files; None is one per core
    most_megabytes: MostMegabytes
    fps: FrameRate  # of everything in the store
    synthetic: SyntheticConfig
    mocap: MocapConfig
    amass: AmassConfig
    egoallo_hdf5: EgoAlloConfig
    rich: RichConfig
    quality: QualityConfig
    floor: FloorConfig
    contact: ContactConfig
    splits: SplitConfig


def clip_readers(
    raw: RawFolder, model: BodyModel, config: IngestionConfig, conversion: GenderConversion | None
) -> list[ClipReader]:
    """The files of the source with their readers, in a fixed order; InputError where there are none."""
    files = raw.readers(config.most_megabytes)
    match config.source:
        case "synthetic":
            return list(_synthetic_clips(model, config.synthetic))
        case "mocap":
            readers, kinds = mocap_clips(files, model, config.mocap), ".bvh or .amc file"
        case "amass":
            most, kinds = 1e6 * config.most_megabytes.npz, ".npz file"
            readers = amass_clips(files, model, config.amass, conversion, most)
        case "egoallo_hdf5":
            most, kinds = 1e6 * config.most_megabytes.hdf5, "group in its HDF5 file"
            readers = egoallo_clips(raw.files, model, config.egoallo_hdf5, most)
        case "rich":
            readers, kinds = rich_clips(files, model, config.rich, conversion), "RICH body"
    listed = list(readers)
    if not listed:
        raise InputError(
            f"data_root '{raw.root}' holds no {kinds}; pass --params data_root=DIR, a folder that does"
        )
    return listed


def ingest(
    file: str, read: Callable[[], Clip | Take], model: BodyModel, config: IngestionConfig
) -> FileVerdict:
    """Read a file, check and repair its clips, resample them and put them on the floor.

    The verdict gives the reason for whatever is left out. The reason names clips but not the file, so that
    the same fault of two files has the same reason.
    """
    kept, reports = [], []
    try:
        motion = read()
        take = Take.whole(motion) if isinstance(motion, Clip) else motion
        reasons = {"": [take.reason]}
        for pieces, report in map(partial(_resampled, config=config), take.clips):
            grounded, refusals = _grounded(pieces, model, config)
            kept += grounded
            reports.append(report)
            reasons[report.name] = [reason for reason in (report.reason, *refusals) if reason]
    except InputError as error:
        return refused(file, _without_file(str(error), file))
    verdict = _verdict(take, reports) if kept else "rest take" if take.is_rest_take else "refused"
    doubts = [take.warning, _doubted_cadence(kept)]
    warning = next((f"{WARNING}{doubt}; {take.remedy}" for doubt in doubts if doubt), "")
    said = [_listed(reasons, len(reports)), warning]
    reason = shown("; ".join(filter(None, said)), MOST_CHARACTERS)
    return FileVerdict(file, verdict, reason, take.seconds, kept)


def _doubted_cadence(kept: list[GroundedClip]) -> str:
    ratios = [clip.walk_ratio for clip in kept if clip.walk_ratio is not None]
    return cadence_doubt(median(ratios)) if ratios else ""


def _listed(reasons: dict[str, list[str]], clips: int) -> str:
    """All reasons: those of the file, then those of its clips, with the clip's name if there are several."""
    said = [
        reason if clips == 1 or not name else f"'{name}': {reason}"
        for name, about in reasons.items()
        for reason in about
    ]
    return "; ".join(filter(None, said))


def refused(file: str, reason: str) -> FileVerdict:
    """The verdict on a file of which nothing is kept; its reason may quote anything in the file."""
    return FileVerdict(file, "refused", shown(reason, MOST_CHARACTERS), 0.0, [])


def _without_file(message: str, file: str) -> str:
    """A reader's message without the file name at its start, which the verdict has as a separate field."""
    for name in (f"'{file}'", file):
        if message.startswith(name):
            rest = message.removeprefix(name)
            return rest[2:] if rest.startswith((": ", ", ")) else f"it{rest}"
    return message


def _verdict(take: Take, reports: list[QualityReport]) -> str:
    return "split" if len(reports) > 1 or take.reason else reports[0].verdict


def _resampled(clip: Clip, config: IngestionConfig) -> tuple[list[Clip], QualityReport]:
    """The kept pieces of a clip, at the frame rate of the store, and the report on it."""
    pieces, report = check_quality(clip, config.quality)
    return [resample(piece, config.fps) for piece in pieces], report


def _grounded(
    pieces: list[Clip], model: BodyModel, config: IngestionConfig
) -> tuple[list[GroundedClip], list[str]]:
    kept, reasons = [], []
    for piece in pieces:
        try:
            kept.append(ground(piece, model, config.floor, config.contact).in_single_precision())
        except InputError as error:
            reasons.append(str(error) if len(pieces) == 1 else f"'{piece.name}': {error}")
    return kept, reasons


def _synthetic_clips(model: BodyModel, config: SyntheticConfig) -> Iterator[ClipReader]:
    for index in range(config.clips):
        yield f"synthetic/{config.seed}/{index:06d}", partial(synthesise, model, config, index)
