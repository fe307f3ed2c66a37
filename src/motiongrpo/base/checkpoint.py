"""A checkpoint: a network's tensors in one safetensors file, with a header on how they were made."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file
from motiongrpo.base.finite import demand_finite

FORMAT = 1
STATE, COMPLETE = "training_state.safetensors", "COMPLETE"  # beside the models of a training
Kind = Literal["denoiser", "reward_model", "training_state"]
StateDict = dict[str, Tensor]


class Header(BaseModel):
    """The description that a checkpoint carries: how its weights were made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    kind: Kind
    stage: str  # the pipeline that made it
    step: int
    seed: int
    architecture: dict[str, Any]
    body_digest: str  # SHA-256 of the body file the motions were posed with
    parameters: dict[str, Any]  # of the stage, as they were validated
    inputs: dict[str, str]  # digests of what it was trained on and from
    code_version: str
    metrics: dict[str, float]
    usage: dict[str, Any] | None = (
        None  # of a denoiser: windows and sampler, as `diffusion.trained` reads them
    )
    weights: str = ""  # digest of the tensors, filled in when the file is written
    seal: str = ""  # digest of all of the above, filled in then too; absent from older files


@dataclass(frozen=True)
class Checkpoint:
    """A header and the tensors it describes."""

    header: Header
    tensors: StateDict
    path: Path | None = None  # where it was read from

    @property
    def name(self) -> str:
        """Its name in messages: its file, or the training and step that made it."""
        h = self.header
        return f"'{self.path}'" if self.path else f"the {h.kind} checkpoint of {h.stage}, step {h.step}"


@dataclass(frozen=True)
class TrainingCheckpoint:
    """What a training yields at a checkpoint: the model to use, and the state to resume from."""

    model: Checkpoint
    state: Checkpoint
    complete: bool


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one training on disk."""

    path: Path

    def files(self) -> list[Path]:
        """The files of models by step; empty where training has not begun."""
        return sorted(path for path in self.path.glob("*.safetensors") if path.name != STATE)

    @property
    def complete(self) -> bool:
        """Whether the training ran to its end."""
        return (self.path / COMPLETE).is_file()

    def state(self) -> "Checkpoint | None":
        """The state that the training resumes from, or None where it has not begun."""
        path = self.path / STATE
        return load_checkpoint(path, "training_state") if path.is_file() else None

    def final(self) -> Path:
        """The last model of a training that ran to its end."""
        if not self.complete:
            raise InputError(f"the training in '{self.path}' has not finished; run the same command to go on")
        return self.files()[-1]


@dataclass(frozen=True)
class CheckpointTree:
    """The checkpoints of many trainings, each in its own folder below a common one."""

    path: Path

    def folder(self, name: str) -> CheckpointFolder:
        """The checkpoints of one training, which may not have begun."""
        return CheckpointFolder(self.path / name)

    def beside(self, name: str) -> list[CheckpointFolder]:
        """The checkpoints of the trainings whose folders are beside that of `name`, last written first."""
        here = self.path / name
        others = [path for path in here.parent.glob("*") if path.is_dir() and path != here]
        return [CheckpointFolder(path) for path in sorted(others, key=lambda p: -p.stat().st_mtime)]


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, all or nothing; raises Diverged for tensors that are not finite."""
    demand_finite_tensors(checkpoint.tensors)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    header = checkpoint.header.model_copy(update={"weights": weights_digest(tensors)})
    header = header.model_copy(update={"seal": seal_of(header)})
    metadata = {"motiongrpo": header.model_dump_json()}  # one entry: safetensors does not keep their order
    replace_file(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))


def demand_finite_tensors(tensors: StateDict) -> None:
    """Raise Diverged where a weight or a moment of the optimiser is NaN or infinite."""
    for name, tensor in tensors.items():
        demand_finite(f"'{name}'", tensor)


def load_checkpoint(path: Path, kind: Kind) -> Checkpoint:
    """Read header and tensors; InputError for a file of another kind, or whose weights fail its digest."""
    header = read_header(path)
    if header.kind != kind:
        raise InputError(f"'{path}' is a {header.kind} checkpoint, but a {kind} checkpoint is needed")
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if weights_digest(tensors) != header.weights:
        raise InputError(f"'{path}' is damaged: its weights are not those of its header; restore it")
    return Checkpoint(header, tensors, path)


def read_header(path: Path) -> Header:
    """The header alone, without reading any tensor."""
    with _opened(path) as file:
        text = (file.metadata() or {}).get("motiongrpo")
    if text is None:
        raise InputError(
            f"'{path}' is a safetensors file without a motiongrpo header; EgoAllo's model is read as the "
            "folder it came in, with model_config.yaml"
        )
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"the header of '{path}' is not readable: '{where}' {first['msg'].lower()}"
        ) from error
    if header.seal and header.seal != seal_of(header):
        raise InputError(f"'{path}' is damaged: its header is not what was written; restore it")
    return header


def tensor_shapes(path: Path) -> dict[str, str]:
    """Type and shape of every tensor of a file by name, without reading the values."""
    with _opened(path) as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: f"{part.get_dtype()} {part.get_shape()}" for name, part in parts.items()}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file; raises InputError where it is missing or incomplete."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"there is no checkpoint at '{path}'") from error
    except SafetensorError as error:
        raise InputError(
            f"'{path}' is not a whole safetensors file ({error}); delete or restore it"
        ) from error


def weights_digest(tensors: StateDict) -> str:
    """A short SHA-256 of the names, types, shapes and values of tensors on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        kind = str(tensor.dtype).removeprefix("torch.")
        digest.update(f"{name} {kind} {tuple(tensor.shape)}".encode())
        octets = tensor.detach().contiguous().flatten().view(torch.uint8)  # NumPy lacks some types
        digest.update(octets.numpy().tobytes())
    return digest.hexdigest()[:16]


def seal_of(header: Header) -> str:
    """The digest of all fields of a header except its seal."""
    as_read = Header.model_validate_json(header.model_dump_json(exclude={"seal"}))
    return digest_of(as_read.model_dump(mode="json"))


def digest_of(*parts: Any) -> str:
    """A short SHA-256 of any JSON value, independent of the order of keys."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
