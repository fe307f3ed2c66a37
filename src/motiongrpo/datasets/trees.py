"""Many trainings under one catalog entry: folders of checkpoints, and their logs, by name."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from motiongrpo.base.checkpoint import COMPLETE, CheckpointFolder, CheckpointTree, TrainingCheckpoint
from motiongrpo.datasets.checkpoints import CheckpointSeries
from motiongrpo.datasets.previews import table_preview
from motiongrpo.datasets.tables import StepLog

Rows = list[dict[str, Any]]


class CheckpointSeriesTree(AbstractDataset[dict[str, TrainingCheckpoint], CheckpointTree]):
    """A `CheckpointSeries` for every name, such as `joint/seed_0`; saving nothing changes nothing."""

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> CheckpointTree:
        return CheckpointTree(self.path)

    def save(self, data: dict[str, TrainingCheckpoint]) -> None:
        for name, checkpoint in data.items():
            CheckpointSeries(str(self.path / name)).save(checkpoint)

    def preview(self) -> TablePreview:
        """A row a training: how many checkpoints, and whether it ran to its end."""
        folders = sorted({path.parent for path in self.path.rglob("*.safetensors")})
        rows = [
            {
                "training": folder.relative_to(self.path).as_posix(),
                "checkpoints": len(CheckpointFolder(folder).files()),
                "finished": CheckpointFolder(folder).complete,
            }
            for folder in folders
        ]
        return table_preview(pd.DataFrame(rows))

    def _exists(self) -> bool:
        return any(self.path.rglob(COMPLETE))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class StepLogTree(AbstractDataset[dict[str, Rows], dict[str, pd.DataFrame]]):
    """A `StepLog` for every name; saving nothing changes nothing."""

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        files = sorted(self.path.rglob("*.jsonl"))
        names = [path.relative_to(self.path).with_suffix("").as_posix() for path in files]
        return {name: StepLog(str(path)).load() for name, path in zip(names, files, strict=True)}

    def save(self, data: dict[str, Rows]) -> None:
        for name, rows in data.items():
            StepLog(str(self.path / f"{name}.jsonl")).save(rows)

    def preview(self) -> TablePreview:
        """A row a log: how many steps it has."""
        logs = self.load()
        return table_preview(pd.DataFrame([{"log": name, "steps": len(log)} for name, log in logs.items()]))

    def _exists(self) -> bool:
        return any(self.path.rglob("*.jsonl"))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}
