"""The motion store in the catalog: written file by file, read as memory maps."""

import json
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview, TablePreview

from motiongrpo.base.files import replace_text
from motiongrpo.datasets.previews import table_preview
from motiongrpo.motion.raw import Fingerprint
from motiongrpo.motion.store import (
    CONTENTS,
    CURRENT,
    LOG,
    MotionStore,
    StoreUpdate,
    StoreWriter,
    open_store,
    read_log,
)


class MotionStoreDataset(AbstractDataset[StoreUpdate, MotionStore]):
    """Appends every update to disk before the next one is made."""

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata
        self._writer: StoreWriter | None = None

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
        """One writer an ingestion: opening one reads the whole log."""
        if self._writer is None or self._writer.path.name != data.generation:
            self._writer = StoreWriter(self.path, data.header, data.generation)
        return self._writer

    def _exists(self) -> bool:
        return (self.path / CURRENT).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class IngestionProgress(AbstractDataset[None, dict[str, set[str]]]):
    """Which files each generation of a store already holds, so that a killed ingestion goes on."""

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, set[str]]:
        logs = self.path.glob(f"*/{LOG}")
        return {log.parent.name: {entry["file"] for entry in read_log(log)} for log in logs}

    def save(self, data: None) -> None:
        raise DatasetError("progress is what the motion store holds")

    def preview(self) -> JSONPreview:
        """How many files each generation holds."""
        return JSONPreview(json.dumps({name: len(files) for name, files in self.load().items()}, indent=2))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class RawContents(AbstractDataset[None, dict[str, Fingerprint]]):
    """What each raw file held when it was last ingested, so that only changed ones are looked into."""

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(path) / CONTENTS
        self.metadata = metadata

    def load(self) -> dict[str, Fingerprint]:
        if not self.filepath.is_file():
            return {}
        rows = json.loads(self.filepath.read_text(encoding="utf-8"))
        return {name: Fingerprint(*row) for name, row in rows.items()}

    def save(self, data: None) -> None:
        raise DatasetError("contents are written with the motion store")

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first files."""
        rows = [{"file": name} | asdict(contents) for name, contents in self.load().items()]
        return table_preview(pd.DataFrame(rows[:nrows]))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath}
