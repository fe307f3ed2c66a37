"""From a raw file to the clips that are kept of it, with a verdict either way."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

from pydantic import Field

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.contact import ContactConfig
from motiongrpo.config import Config
from motiongrpo.errors import InputError
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.grounding import FloorConfig, GroundedClip, ground
from motiongrpo.motion.quality import QualityConfig, check_quality
from motiongrpo.motion.resample import resample
from motiongrpo.motion.sources.amass import AmassConfig
from motiongrpo.motion.sources.cmu import MocapConfig
from motiongrpo.motion.sources.folder import ClipReader, Read, amass_clips, mocap_clips
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise
from motiongrpo.motion.splits import SplitConfig
from motiongrpo.motion.store import FileVerdict


class IngestionConfig(Config):
    """Where motion comes from, what it must be like, and how it is divided."""

    source: Literal["synthetic", "mocap", "amass"]
    fps: float = Field(gt=0)  # of everything in the store
    synthetic: SyntheticConfig
    mocap: MocapConfig
    amass: AmassConfig
    quality: QualityConfig
    floor: FloorConfig
    contact: ContactConfig
    splits: SplitConfig


def clip_readers(
    files: Mapping[str, Read], folder: str, model: BodyModel, config: IngestionConfig
) -> list[ClipReader]:
    """What there is to ingest, in a fixed order; `folder` names where files lie in messages."""
    match config.source:
        case "synthetic":
            return list(_synthetic_clips(model, config.synthetic))
        case "mocap":
            readers, kinds = list(mocap_clips(files, model, config.mocap)), ".bvh or .amc"
        case "amass":
            readers, kinds = list(amass_clips(files, model, config.amass)), ".npz"
    if not readers:
        raise InputError(
            f"data_root '{folder}' holds no {kinds} file; pass --params data_root=DIR, a folder that does"
        )
    return readers


def ingest(file: str, read: Callable[[], Clip], model: BodyModel, config: IngestionConfig) -> FileVerdict:
    """Read, check, repair, bring to one rate and put on the floor. Whatever is left out has a reason."""
    try:
        clip = read()
    except InputError as error:
        return FileVerdict(file, "refused", str(error), 0.0, [])
    seconds = len(clip) / clip.fps
    pieces, report = check_quality(clip, config.quality)
    kept, reasons = _grounded(pieces, model, config)
    reasons = [reason for reason in (report.reason, *reasons) if reason]
    verdict = report.verdict if kept else "refused"
    return FileVerdict(file, verdict, "; ".join(reasons), seconds, kept)


def _grounded(
    pieces: list[Clip], model: BodyModel, config: IngestionConfig
) -> tuple[list[GroundedClip], list[str]]:
    kept, reasons = [], []
    for piece in pieces:
        try:
            kept.append(ground(resample(piece, config.fps), model, config.floor, config.contact))
        except InputError as error:
            reasons.append(str(error) if len(pieces) == 1 else f"{piece.name}: {error}")
    return kept, reasons


def _synthetic_clips(model: BodyModel, config: SyntheticConfig) -> Iterator[ClipReader]:
    for index in range(config.clips):
        yield f"synthetic/{config.seed}/{index:06d}", partial(synthesise, model, config, index)
