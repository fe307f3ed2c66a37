"""Datasets of many trainings: folders of checkpoints, and their logs, by name."""

from typing import Any

import pandas as pd
from kedro_datasets._typing import TablePreview

from motiongrpo.base.checkpoint import COMPLETE, CheckpointFolder, CheckpointTree, TrainingCheckpoint
from motiongrpo.datasets.base import FolderDataset
from motiongrpo.datasets.checkpoints import CheckpointSeries
from motiongrpo.datasets.previews import table_preview
from motiongrpo.datasets.tables import StepLog

Rows = list[dict[str, Any]]


class CheckpointSeriesTree(FolderDataset[dict[str, TrainingCheckpoint], CheckpointTree]):
    """A `CheckpointSeries` for every name, such as `joint/seed_0`; saving an empty dict changes nothing."""

    may_be_absent = True
    marker = f"**/{COMPLETE}"

    def load(self) -> CheckpointTree:
        return CheckpointTree(self.path)

    def save(self, data: dict[str, TrainingCheckpoint]) -> None:
        for name, checkpoint in data.items():
            CheckpointSeries(str(self.path / name)).save(checkpoint)

    def preview(self) -> TablePreview:
        """One row per training: its number of checkpoints, and whether it ran to its end."""
        folders = sorted({path.parent for path in self.path.rglob("*.safetensors")})
        return table_preview(
            [
                {
                    "training": folder.relative_to(self.path).as_posix(),
                    "checkpoints": len(CheckpointFolder(folder).files()),
                    "finished": CheckpointFolder(folder).complete,
                }
                for folder in folders
            ]
        )


class StepLogTree(FolderDataset[dict[str, Rows], dict[str, pd.DataFrame]]):
    """A `StepLog` for every name; saving an empty dict changes nothing."""

    marker = "**/*.jsonl"

    def load(self) -> dict[str, pd.DataFrame]:
        return {name: StepLog(str(path)).load() for name, path in self.files().items()}

    def save(self, data: dict[str, Rows]) -> None:
        for name, rows in data.items():
            StepLog(str(self.path / f"{name}.jsonl")).save(rows)

    def preview(self) -> TablePreview:
        """One row per log: its number of steps."""
        return table_preview([{"log": name, "steps": len(log)} for name, log in self.load().items()])
