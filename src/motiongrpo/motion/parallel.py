"""Ingestion of many files by several processes or machines, with the results in the order of the files.

Each process lists the readers for itself and receives names only. Tensors are computed on one thread,
whatever the number of processes, so the bytes of a store do not depend on that number.
"""

import logging
import math
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property

import torch

from motiongrpo.base.engine import elsewhere, in_order
from motiongrpo.base.errors import InputError
from motiongrpo.base.processes import end_with_parent
from motiongrpo.base.words import failure
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.motion.ingestion import IngestionConfig, clip_readers, ingest, refused
from motiongrpo.motion.raw import RawFolder
from motiongrpo.motion.sources.folder import ClipReader
from motiongrpo.motion.store import EncodedFile, encode

FILES_WORTH_A_PROCESS = 32  # a process takes seconds to start
WAITING_PER_PROCESS = 4  # files finished or under way before their turn, held in memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingestion:
    """An ingestion of one folder of raw motion; every process holds an equal one."""

    raw: RawFolder
    model: BodyModel
    config: IngestionConfig
    conversion: GenderConversion | None

    @cached_property
    def readers(self) -> dict[str, ClipReader]:
        """The readers of the source by name, in order."""
        readers = clip_readers(self.raw, self.model, self.config, self.conversion)
        return {reader[0]: reader for reader in readers}

    def one(self, name: str) -> EncodedFile:
        """One file ingested and encoded for the store.

        Any failure, even an unforeseen one, becomes the verdict on this file and does not affect the others.
        The verdict names the type of the error; the traceback is in the log, at level DEBUG.
        """
        reader = self.readers[name]
        try:
            with torch.inference_mode():  # saves a tenth of the time, spent by autograd
                return encode(ingest(*reader, self.model, self.config))
        except Exception as error:
            logger.debug("while ingesting '%s'", name, exc_info=True)
            return encode(refused(name, f"reading it failed with {failure(error)}"))

    def all(self, names: list[str]) -> Iterator[EncodedFile]:
        """The encoded files in this order, made by one process, several, or the workers of a cluster."""
        processes = 1 if elsewhere() else process_count(len(names), self.config.workers)
        return self._on_the_engine(names) if processes == 1 else self._in_processes(names, processes)

    def _on_the_engine(self, names: list[str]) -> Iterator[EncodedFile]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from in_order(Ingestion.one, self, names)
        finally:
            torch.set_num_threads(threads)

    def _in_processes(self, names: list[str], processes: int) -> Iterator[EncodedFile]:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(processes, context, initializer=_start, initargs=(self,))
        waiting: deque[tuple[str, Future[EncodedFile]]] = deque()
        try:
            for name in names:
                waiting.append((name, pool.submit(_work, name)))
                if len(waiting) == WAITING_PER_PROCESS * processes:
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def process_count(files: int, workers: int | None) -> int:
    """The number of processes: `workers`, or one per core, with at least 32 files for each."""
    return max(1, min(workers or _cores(), math.ceil(files / FILES_WORTH_A_PROCESS)))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # cores this process may use, where known
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _result(name: str, future: Future[EncodedFile]) -> EncodedFile:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"a process was killed while '{name}' or a file after it was read, perhaps for want of memory; "
            "the same command goes on from there, and with ingestion.workers=1 it needs the least"
        ) from error


_ingestion: Ingestion


def _start(ingestion: Ingestion) -> None:
    """Initialise one process of the pool."""
    global _ingestion
    _ingestion = ingestion
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it too, and stops its processes
    threading.Thread(target=end_with_parent, daemon=True).start()


def _work(name: str) -> EncodedFile:
    return _ingestion.one(name)
