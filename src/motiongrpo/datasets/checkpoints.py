"""Checkpoints in the catalog: single ones, and the series a training leaves behind."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview, TablePreview

from motiongrpo.base.checkpoint import (
    COMPLETE,
    STATE,
    Checkpoint,
    CheckpointFolder,
    Kind,
    TrainingCheckpoint,
    load_checkpoint,
    read_header,
    save_checkpoint,
    tensor_shapes,
)
from motiongrpo.base.config import nearest
from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_text
from motiongrpo.base.run_names import named_runs
from motiongrpo.datasets.previews import table_preview


class CheckpointDataset(AbstractDataset[Checkpoint, Checkpoint]):
    """One safetensors file with a JSON header."""

    def __init__(self, filepath: str, kind: Kind, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.kind: Kind = kind
        self.metadata = metadata

    def load(self) -> Checkpoint:
        return load_checkpoint(self.filepath, self.kind)

    def save(self, data: Checkpoint) -> None:
        save_checkpoint(data, self.filepath)

    def preview(self) -> JSONPreview:
        """The header, and what the tensors are."""
        header = read_header(self.filepath).model_dump(mode="json")
        return JSONPreview(json.dumps(header | {"tensors": tensor_shapes(self.filepath)}, indent=2))

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath, "kind": self.kind}


class CheckpointIfAny(CheckpointDataset):
    """A checkpoint that only some settings need: None where it is absent; nodes that need it refuse None."""

    may_be_absent = True

    def load(self) -> Checkpoint | None:  # type: ignore[override]
        return super().load() if self._exists() else None

    def save(self, data: Checkpoint) -> None:
        raise DatasetError("a checkpoint is written under its own name")


class CheckpointSeries(AbstractDataset[TrainingCheckpoint, CheckpointFolder]):
    """Every save is a model file, then the state that replaces the one before, then perhaps the end mark.

    The state is what a resumed training reads, so a kill between two writes costs nothing: the model
    of the last step is written again, identically. The series exists once it is complete.
    """

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> CheckpointFolder:
        return CheckpointFolder(self.path)

    def save(self, data: TrainingCheckpoint) -> None:
        step = data.model.header.step
        save_checkpoint(data.model, self.path / f"step_{step:07d}.safetensors")
        save_checkpoint(data.state, self.path / STATE)
        if data.complete:
            replace_text(self.path / COMPLETE, f"{step}\n")
        else:
            (self.path / COMPLETE).unlink(missing_ok=True)

    def preview(self) -> TablePreview:
        """A row a checkpoint: its step, its weights' digest, and what its training measured then."""
        headers = [read_header(path) for path in CheckpointFolder(self.path).files()]
        rows = [{"step": header.step, "weights": header.weights} | header.metrics for header in headers]
        return table_preview(pd.DataFrame(rows))

    def _exists(self) -> bool:
        return (self.path / COMPLETE).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class TrainingState(AbstractDataset[None, Checkpoint | None]):
    """The state a training left behind, or None where it has not begun."""

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(path) / STATE
        self.metadata = metadata

    def load(self) -> Checkpoint | None:
        return load_checkpoint(self.filepath, "training_state") if self.filepath.is_file() else None

    def save(self, data: None) -> None:
        raise DatasetError("the state is written with its checkpoint")

    def preview(self) -> JSONPreview:
        return JSONPreview(read_header(self.filepath).model_dump_json(indent=2))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath}


class OtherCheckpoints(AbstractDataset[None, CheckpointFolder]):
    """A folder that its user copies checkpoints into."""

    may_be_absent = True

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> CheckpointFolder:
        return CheckpointFolder(self.path)

    def save(self, data: None) -> None:
        raise DatasetError("checkpoints from elsewhere are copied in by hand")

    def preview(self) -> JSONPreview:
        """What lies there."""
        names = [path.name for path in self.path.glob("*") if not path.name.startswith(".")]
        return JSONPreview(json.dumps(sorted(names), indent=2))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class ModelsOfRuns(AbstractDataset[None, dict[str, Path]]):
    """The model folders of other runs by name; a run that is not there is refused."""

    may_be_absent = True  # its absence has a sentence of its own

    def __init__(self, root: str, run: str, runs: str | None, metadata: dict[str, Any] | None = None) -> None:
        self.root, self.metadata = Path(root), metadata
        self.names = [name for name in named_runs(runs) if name != run]

    def load(self) -> dict[str, Path]:
        there = [path.name for path in self.root.glob("*") if path.is_dir()]
        for name in self.names:
            if name not in there:
                hint = nearest(name, there) if there else "there is none"
                raise InputError(
                    f"runs names '{name}', but '{self.root}' holds no models of such a run; {hint}"
                )
        return {name: self.root / name for name in self.names}

    def save(self, data: None) -> None:
        raise DatasetError("the models of other runs are never written")

    def preview(self) -> JSONPreview:
        """Where they lie, by run."""
        return JSONPreview(json.dumps({name: str(path) for name, path in self.load().items()}, indent=2))

    def _describe(self) -> dict[str, Any]:
        return {"root": self.root, "runs": self.names}
