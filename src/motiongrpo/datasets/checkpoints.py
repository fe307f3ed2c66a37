"""Datasets of checkpoints: single ones, the series of a training, and EgoAllo's folders."""

from pathlib import Path
from typing import Any

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
from motiongrpo.base.network import architecture_of
from motiongrpo.base.run_names import named_runs
from motiongrpo.datasets.base import Dataset, FileDataset, FolderDataset, LoadOnly
from motiongrpo.datasets.previews import json_preview, table_preview
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, find_weights, read_egoallo, write_egoallo


class CheckpointDataset(FileDataset[Checkpoint, Checkpoint]):
    """One safetensors file with a JSON header."""

    def __init__(self, filepath: str, kind: Kind, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath, metadata)
        self.kind: Kind = kind

    def load(self) -> Checkpoint:
        return load_checkpoint(self.filepath, self.kind)

    def save(self, data: Checkpoint) -> None:
        save_checkpoint(data, self.filepath)

    def preview(self) -> JSONPreview:
        """The header, and the type and shape of every tensor."""
        header = read_header(self.filepath).model_dump(mode="json")
        return json_preview(header | {"tensors": tensor_shapes(self.filepath)})


class CheckpointIfAny(LoadOnly, CheckpointDataset):
    """A checkpoint that only some settings need; None where the file does not exist."""

    may_be_absent = True
    reason = "a checkpoint is written under its own name"

    def load(self) -> Checkpoint | None:  # type: ignore[override]
        return super().load() if self._exists() else None


class CheckpointSeries(FolderDataset[TrainingCheckpoint, CheckpointFolder]):
    """The checkpoints of one training: every save writes a model file, then replaces the training state.

    A resumed training reads the state, so a kill between the two writes does no harm: the model of that step
    is written again, identically. The series exists once its training has finished and written the end mark.
    """

    may_be_absent = True
    marker = COMPLETE

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
        """One row per checkpoint: its step, the digest of its weights, and the metrics in its header."""
        headers = [read_header(path) for path in CheckpointFolder(self.path).files()]
        return table_preview(
            [{"step": header.step, "weights": header.weights} | header.metrics for header in headers]
        )


class TrainingState(LoadOnly, FolderDataset[None, Checkpoint | None]):
    """The state that a training can resume from, or None where it has not begun."""

    may_be_absent = True
    marker = STATE
    reason = "the state is written with its checkpoint"

    def load(self) -> Checkpoint | None:
        return CheckpointFolder(self.path).state()

    def preview(self) -> JSONPreview:
        """The header."""
        return json_preview(read_header(self.path / STATE).model_dump(mode="json"))


class OtherCheckpoints(LoadOnly, FolderDataset[None, CheckpointFolder]):
    """A folder into which its user copies checkpoints."""

    may_be_absent = True
    reason = "checkpoints from elsewhere are copied in by hand"

    def load(self) -> CheckpointFolder:
        return CheckpointFolder(self.path)

    def preview(self) -> JSONPreview:
        """The names of the files in it."""
        return json_preview(
            sorted(path.name for path in self.path.glob("*") if not path.name.startswith("."))
        )


class ModelsOfRuns(LoadOnly, Dataset[None, dict[str, Path]]):
    """The model folders of other runs by name; a run that does not exist is refused."""

    may_be_absent = True
    reason = "the models of other runs are never written"

    def __init__(self, root: str, run: str, runs: str | None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.root = Path(root)
        self.runs = [name for name in named_runs(runs) if name != run]

    def load(self) -> dict[str, Path]:
        there = [path.name for path in self.root.glob("*") if path.is_dir()]
        for name in self.runs:
            if name not in there:
                hint = nearest(name, there) if there else "there is none"
                raise InputError(
                    f"runs names '{name}', but '{self.root}' holds no models of such a run; {hint}"
                )
        return {name: self.root / name for name in self.runs}

    def preview(self) -> JSONPreview:
        """The folder of every run."""
        return json_preview({name: str(path) for name, path in self.load().items()})


class EgoAlloFolder(FolderDataset[Checkpoint, EgoAlloModel]):
    """A denoiser in the layout of EgoAllo: `model_config.yaml` and one checkpoint folder."""

    marker = "checkpoints_*/model.safetensors"

    def load(self) -> EgoAlloModel:
        return read_egoallo(self.path, mask_self_attention=True)

    def save(self, data: Checkpoint) -> None:
        config = architecture_of(data, Denoiser)
        write_egoallo(EgoAlloModel(config, data.tensors), self.path, data.header.step)

    def preview(self) -> JSONPreview:
        """The architecture, and the type and shape of every tensor."""
        config, tensors = self.load().config.model_dump(), tensor_shapes(find_weights(self.path))
        return json_preview({"config": config, "tensors": tensors})
