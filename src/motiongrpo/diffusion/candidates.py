"""Denoisers on disk that can be scored, by the names under which their scores are kept.

A run's own are in the folders of its trainings. Others are copied into its folder `others/`, either as a file
of this project, `NAME.safetensors`, or as a folder in EgoAllo's layout, `NAME/`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from motiongrpo.base.checkpoint import CheckpointFolder, read_header, weights_digest
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.egoallo import find_weights, read_egoallo

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


def judged_run(found: Iterable[Candidate]) -> str | None:
    """The run whose trainings are judged: the first that has a checkpoint of one."""
    return next((candidate.run for candidate in found if candidate.stage in TRAININGS), None)


def trained(folder: CheckpointFolder, run: str, prefix: str = "") -> list[Candidate]:
    """The checkpoints of one training of a run, by step."""
    return [_ours(path, folder.path.name, run, prefix) for path in folder.files()]


def others(folder: Path, run: str, prefix: str = "") -> list[Candidate]:
    """The denoisers that were copied into the folder, by name; anything else there is refused."""
    found = list(_others(folder, run, prefix))
    for before, after in pairwise(found):
        if before.name == after.name:
            raise InputError(
                f"'{before.path}' and '{after.path}' would have one name, {after.name}: rename one"
            )
    return found


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
