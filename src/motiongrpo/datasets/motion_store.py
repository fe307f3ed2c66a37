"""The motion store in the catalog: written file by file, read as memory maps."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from motiongrpo.motion.store import (
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
        for file in data.files:
            if file.name not in writer.done:
                writer.commit(file)
        if data.finished:
            writer.finish()
            self._writer = None

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

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}
