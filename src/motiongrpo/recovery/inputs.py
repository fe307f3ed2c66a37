"""The files that a recovery reads, and the names of their results."""

import stat
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from typing_extensions import TypedDict

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import escaped

ENDINGS = (".csv", ".txt", ".bvh", ".tsv", ".log")


class InputsRead(TypedDict):
    """What became of the files: the names of the recordings that were read, and why others were not."""

    read: list[str]
    refused: dict[str, str]


def files_of(given: str | None) -> dict[str, Path]:
    """By the name of its results: one file, or those of a folder that may be head recordings.

    A file is called after its stem, or its whole name where several share a stem; characters that no UTF-8
    or terminal takes are spelt out.
    """
    if given is None:
        raise InputError(
            "recovery.input names no file; pass a headset's recording, or a folder of them: "
            "motiongrpo recover FILE"
        )
    path = Path(given).expanduser()
    if not path.exists():
        raise InputError(f"there is no file or folder at '{path}'")
    if not path.is_dir():
        return {escaped(path.stem): path}
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS and _is_file(p))
    if not found:
        raise InputError(f"'{path}' holds no file that ends in {', '.join(ENDINGS)}")
    stems = [p.stem for p in found]
    return {escaped(p.stem if stems.count(p.stem) == 1 else p.name): p for p in found}


def named_apart(files: Mapping[str, Path], sources: Mapping[str, str]) -> dict[str, Path]:
    """The same files, none under a name that holds the results of another, as `sources` has them by name.

    Before a name that is taken comes that of the file's folder, or else a number behind it.
    """
    apart: dict[str, Path] = {}
    for name, path in files.items():
        source, others = source_of(path), (files.keys() - {name}) | apart.keys()
        free = (n for n in _names(name, path) if n not in others and sources.get(n, source) == source)
        apart[next(free)] = path
    return apart


def source_of(path: Path) -> str:
    """Where a file lies, as it is kept of the results that came of it."""
    return escaped(str(path.resolve()))


def _names(name: str, path: Path) -> Iterator[str]:
    yield name
    if folder := escaped(path.resolve().parent.name):
        yield f"{folder}_{name}"
    yield from (f"{name}_{number}" for number in count(2))


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)
