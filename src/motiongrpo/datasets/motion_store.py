"""Datasets of the motion store: ingested files are appended, and frames are read on demand."""

import json
from collections.abc import Callable
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from kedro_datasets._typing import JSONPreview, TablePreview
from pydantic import TypeAdapter

from motiongrpo.base.files import replace_text
from motiongrpo.base.records import read_record
from motiongrpo.base.run_names import named_runs
from motiongrpo.datasets.base import Dataset, FolderDataset, LoadOnly
from motiongrpo.datasets.previews import json_preview, table_preview
from motiongrpo.datasets.tables import WindowTable
from motiongrpo.motion.raw import Fingerprint
from motiongrpo.motion.store import (
    CONTENTS,
    CURRENT,
    LOG,
    MotionStore,
    StoreUpdate,
    StoreWriter,
    open_store,
)
from motiongrpo.motion.store_log import read_log

ROWS = TypeAdapter(dict[str, tuple[int, int, str]])  # size, modification time, digest


class MotionStoreDataset(FolderDataset[StoreUpdate, MotionStore]):
    """The motion store, which exists once an ingestion has finished; each update is saved before the next."""

    marker = CURRENT
    _writer: StoreWriter | None = None

    def load(self) -> MotionStore:
        return open_store(self.path)

    def save(self, data: StoreUpdate) -> None:
        writer = self._writer_of(data)
        if data.contents is not None:
            rows = {name: astuple(contents) for name, contents in data.contents.items()}
            replace_text(self.path / CONTENTS, json.dumps(rows))
        for file in data.files:
            if file.name not in writer.done:
                writer.commit(file)
        if data.finished:
            writer.finish()
            self._writer = None

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first sequences of the index."""
        return table_preview(self.load().sequences.head(nrows))

    def _writer_of(self, data: StoreUpdate) -> StoreWriter:
        """One writer for a whole ingestion, since opening a writer reads the whole log."""
        if self._writer is None or self._writer.path.name != data.generation:
            self._writer = StoreWriter(self.path, data.header, data.generation)
        return self._writer


class MotionOfRuns(LoadOnly, Dataset[None, dict[str, Callable[[], tuple[MotionStore, pd.DataFrame]]]]):
    """Functions that open store and window table of other runs, by name, for those that have motion."""

    may_be_absent = True
    reason = "the motion of other runs is never written"

    def __init__(
        self, stores: str, tables: str, run: str, runs: str | None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(metadata)
        self.stores, self.tables = Path(stores), Path(tables)
        self.runs = [name for name in named_runs(runs) if name != run]

    def load(self) -> dict[str, Callable[[], tuple[MotionStore, pd.DataFrame]]]:
        places = {
            name: (self.stores / name / "motions", self.tables / name / "windows.csv") for name in self.runs
        }
        return {
            name: partial(_opened, store, table)
            for name, (store, table) in places.items()
            if (store / CURRENT).is_file() and table.is_file()
        }

    def preview(self) -> JSONPreview:
        """The names of the runs."""
        return json_preview(list(self.load()))


def _opened(store: Path, table: Path) -> tuple[MotionStore, pd.DataFrame]:
    return open_store(store), WindowTable(str(table)).load()


class IngestionProgress(LoadOnly, FolderDataset[None, dict[str, set[str]]]):
    """The files that each generation of a store already holds, so that a killed ingestion can resume."""

    may_be_absent = True
    reason = "progress is what the motion store holds"

    def load(self) -> dict[str, set[str]]:
        logs = self.path.glob(f"*/{LOG}")
        return {log.parent.name: {entry["file"] for entry in read_log(log)} for log in logs}

    def preview(self) -> JSONPreview:
        """The number of files that each generation holds."""
        return json_preview({name: len(files) for name, files in self.load().items()})


class RawContents(LoadOnly, FolderDataset[None, dict[str, Fingerprint]]):
    """The fingerprint of each raw file at the last ingestion: only changed files are read again."""

    may_be_absent = True
    marker = CONTENTS
    reason = "contents are written with the motion store"

    def load(self) -> dict[str, Fingerprint]:
        if not self._exists():
            return {}
        rows = read_record(self.path / CONTENTS, ROWS)
        return {name: Fingerprint(*row) for name, row in rows.items()}

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first files."""
        first = list(self.load().items())[:nrows]
        return table_preview([{"file": name} | asdict(contents) for name, contents in first])
