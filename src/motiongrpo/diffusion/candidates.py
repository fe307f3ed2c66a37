"""Denoisers that lie on disk, whoever made them: what they are called, and how they are read.

A run's own lie in the folders of its trainings. Others are copied into its folder `others/`, either as a file
of this project, `NAME.safetensors`, or as a folder in EgoAllo's layout, `NAME/`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from motiongrpo.base.checkpoint import CheckpointFolder, load_checkpoint, read_header, weights_digest
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, find_weights, read_egoallo, refuse_other_layout

OTHERS = "others"
TRAININGS = ("pretraining", "grpo")


@dataclass(frozen=True)
class Candidate:
    """A denoiser to be scored, not read yet."""

    name: str  # `grpo/step_0000040`, `others/theirs`; of another run, with its name in front
    run: str
    stage: str  # the training that made it, or `others`
    step: int
    weights: str  # digest
    body: str | None  # digest of the body file it was trained with, where that is known
    path: str


def trained(folder: CheckpointFolder, run: str, prefix: str = "") -> list[Candidate]:
    """The checkpoints of one training of a run, by step."""
    return [_ours(path, folder.path.name, run, prefix) for path in folder.files()]


def others(folder: Path, run: str, prefix: str = "") -> list[Candidate]:
    """Whatever was copied into the folder, by name; what is no denoiser there is refused."""
    found = list(_others(folder, run, prefix))
    for before, after in pairwise(found):
        if before.name == after.name:
            raise InputError(
                f"'{before.path}' and '{after.path}' would have one name, {after.name}: rename one"
            )
    return found


def read_denoiser(path: Path) -> Denoiser:
    """The network of a candidate with its weights, its dropout off."""
    model = read_egoallo(path, mask_self_attention=True) if path.is_dir() else _read_ours(path)
    denoiser = Denoiser(model.config)
    denoiser.load_state_dict(model.tensors)
    return denoiser.eval()


def _others(folder: Path, run: str, prefix: str) -> Iterator[Candidate]:
    paths = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(paths, key=lambda path: (path.stem if path.is_file() else path.name, path.name)):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield _egoallos(path, run, prefix)
        elif path.suffix == ".safetensors":
            yield _ours(path, OTHERS, run, prefix)
        else:
            raise InputError(
                f"'{path}' is no checkpoint that can be scored: {OTHERS}/ takes .safetensors files of this "
                "project and folders of EgoAllo's (model_config.yaml, checkpoints_…/model.safetensors)"
            )


def _ours(path: Path, stage: str, run: str, prefix: str) -> Candidate:
    header = read_header(path)
    if header.kind != "denoiser":
        raise InputError(f"'{path}' is a {header.kind} checkpoint, but only denoisers can be scored")
    name = f"{prefix}{stage}/{path.stem}"
    return Candidate(name, run, stage, header.step, header.weights, header.body_digest, str(path))


def _egoallos(folder: Path, run: str, prefix: str) -> Candidate:
    weights = weights_digest(read_egoallo(folder, mask_self_attention=True).tensors)
    step = find_weights(folder).parent.name.removeprefix("checkpoints_")
    number = int(step) if step.isdecimal() else 0
    return Candidate(f"{prefix}{OTHERS}/{folder.name}", run, OTHERS, number, weights, None, str(folder))


def _read_ours(path: Path) -> EgoAlloModel:
    """Refuses tensors that are not the ones its header describes."""
    checkpoint = load_checkpoint(path, "denoiser")
    where = f"'{path}'"
    try:
        config = DenoiserConfig.model_validate(checkpoint.header.architecture)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        what = f"{field}: {fault['msg'].lower()}" if field else fault["msg"].removeprefix("Value error, ")
        raise InputError(f"{where} has an architecture that is not known: {what}") from error
    refuse_other_layout(config, checkpoint.tensors, where)
    if weights_digest(checkpoint.tensors) != checkpoint.header.weights:
        raise InputError(f"{where} is damaged: its weights are not those of its header; copy it again")
    return EgoAlloModel(config, checkpoint.tensors)
