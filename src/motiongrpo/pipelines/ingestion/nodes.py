"""Ingestion: every raw file becomes a verdict in the store."""

import logging
from collections.abc import Iterator

import pandas as pd

from motiongrpo.body.body_model import BodyModel
from motiongrpo.checkpoint import digest_of
from motiongrpo.errors import InputError
from motiongrpo.motion.ingestion import IngestionConfig, clip_readers, ingest
from motiongrpo.motion.raw import RawFolder
from motiongrpo.motion.splits import split_subjects
from motiongrpo.motion.store import MotionStore, StoreHeader, StoreUpdate
from motiongrpo.motion.windows import WindowConfig, window_table
from motiongrpo.pipelines.progress import with_progress

FILES_PER_UPDATE = 16

logger = logging.getLogger(__name__)


def ingest_motions(
    raw: RawFolder, model: BodyModel, progress: dict[str, set[str]], config: IngestionConfig
) -> Iterator[StoreUpdate]:
    """Ingest whatever the store does not hold yet, a few files an update."""
    if raw.root is None and config.source != "synthetic":
        raise InputError("data_root is not set; pass --params data_root=DIR, the folder of raw motion")
    files = {name: file.read for name, file in raw.files.items()}
    readers = clip_readers(files, str(raw.root), model, config)
    generation = generation_name(raw, model, config)
    done = progress.get(generation, set())
    header = StoreHeader(fps=config.fps, body_digest=model.digest)
    verdicts = []
    pending = [(name, read) for name, read in readers if name not in done]
    for name, read in with_progress(pending, "ingesting motion", len(readers), len(readers) - len(pending)):
        verdicts.append(ingest(name, read, model, config))
        if len(verdicts) == FILES_PER_UPDATE:
            yield StoreUpdate(header, generation, verdicts, finished=False)
            verdicts = []
    yield StoreUpdate(header, generation, verdicts, finished=True)


def generation_name(raw: RawFolder, model: BodyModel, config: IngestionConfig) -> str:
    """Names what a store is made of: parameters that shape the motion, the body, the files."""
    shaping = config.model_dump(exclude={"splits"})
    files = [(file.name, file.size) for file in raw.files.values()]
    return digest_of(shaping, model.digest, files)


def make_windows(motions: MotionStore, config: IngestionConfig, window: WindowConfig) -> pd.DataFrame:
    """Divide subjects among the splits and cut their motion into windows."""
    splits = split_subjects(motions.sequences["subject"].tolist(), config.splits)
    return window_table(motions, splits, window)


def list_verdicts(motions: MotionStore) -> pd.DataFrame:
    """Every file with its verdict; a summary goes to the log."""
    files = motions.files
    for verdict, rows in files.groupby("verdict"):
        logger.info("ingestion: %d files %s, %.1f minutes", len(rows), verdict, rows["seconds"].sum() / 60)
    minutes = motions.sequences["frames"].sum() / motions.header.fps / 60
    logger.info("ingestion: %d sequences, %.1f minutes kept", len(motions.sequences), minutes)
    return files
