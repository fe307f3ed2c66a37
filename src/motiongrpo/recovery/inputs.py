"""The files that a recovery is asked for."""

import stat
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


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)
