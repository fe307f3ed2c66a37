"""Ingestion: every raw file becomes a verdict in the store."""

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from motiongrpo.base.errors import InputError
from motiongrpo.base.progress import with_progress
from motiongrpo.base.provenance import Provenance
from motiongrpo.base.words import counted
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.motion.division import check_division, divided
from motiongrpo.motion.ingestion import IngestionConfig
from motiongrpo.motion.ingestion_summary import ingestion_summary
from motiongrpo.motion.parallel import Ingestion
from motiongrpo.motion.raw import Fingerprint, MostMegabytes, RawFolder, fingerprints
from motiongrpo.motion.store import EncodedFile, MotionStore, StoreHeader, StoreUpdate
from motiongrpo.motion.windows import WindowConfig, window_table

FILES_PER_UPDATE = 16

logger = logging.getLogger(__name__)


def ingest_motions(
    raw: RawFolder,
    model: BodyModel,
    conversion: GenderConversion | None,
    progress: dict[str, set[str]],
    known: dict[str, Fingerprint],
    config: IngestionConfig,
) -> Iterator[StoreUpdate]:
    """Ingest the files that the store lacks, a few per update; a changed file leads to a new store."""
    if raw.root is None and config.source != "synthetic":
        raise InputError("data_root is not set; pass --params data_root=DIR, the folder of raw motion")
    ingestion = Ingestion(raw, model, config, conversion)
    check_division(ingestion.readers, config)
    total = len(ingestion.readers)
    contents = contents_of(raw, known, config.most_megabytes) if config.source != "synthetic" else {}
    generation = store_provenance(ingestion, contents).digest
    header = StoreHeader(fps=config.fps, body_digest=model.digest)
    done = progress.get(generation, set())
    pending = [name for name in ingestion.readers if name not in done]
    yield StoreUpdate(header, generation, [], finished=False, contents=contents)
    files: list[EncodedFile] = []
    for file in with_progress(ingestion.all(pending), "ingesting motion", total, total - len(pending)):
        files.append(file)
        if len(files) == FILES_PER_UPDATE:
            yield StoreUpdate(header, generation, files, finished=False)
            files = []
    yield StoreUpdate(header, generation, files, finished=True)


def contents_of(raw: RawFolder, known: dict[str, Fingerprint], most: MostMegabytes) -> dict[str, Fingerprint]:
    """The fingerprint of every raw file; all are read once, later only those that were modified."""
    found = fingerprints(raw.files.values(), known, most)
    return dict(with_progress(found, "looking for changed files", len(raw.files)))


def store_provenance(ingestion: Ingestion, contents: dict[str, Fingerprint]) -> Provenance:
    """What a store is made from: the parameters of its motion, the body, the content of the files."""
    shaping = ingestion.config.model_dump(mode="json", exclude={"splits", "workers"})
    inputs = {
        "body_file": ingestion.model.digest,
        "gender_conversion": ingestion.conversion.digest if ingestion.conversion else None,
        "files": {name: [file.size, file.digest] for name, file in contents.items()},
    }
    return Provenance("ingestion", shaping, inputs)


def make_windows(motions: MotionStore, config: IngestionConfig, window: WindowConfig) -> pd.DataFrame:
    """Divide subjects among the splits and cut their motion into windows."""
    splits, required = divided(motions.sequences["subject"].tolist(), config)
    return window_table(motions, splits, window, required)


def list_verdicts(motions: MotionStore) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Every file with its verdict, and a summary, which also goes to the log."""
    summary = ingestion_summary(motions)
    logger.info(
        "ingestion: %s of %.2f h became %s of %.2f h, %d frames",
        counted(summary["files"], "file"),
        summary["hours_in_files"],
        counted(summary["sequences"], "sequence"),
        summary["hours_kept"],
        summary["frames_kept"],
    )
    for reason, count in summary["refused_by_reason"].items():
        logger.info("ingestion: %s refused: %s", counted(count, "file"), reason)
    for warning, count in summary["warnings"].items():
        logger.warning("ingestion: %s may be wrong: %s", counted(count, "file"), warning)
    return motions.files, summary
