"""The log of a motion store, with one line per raw file."""

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from motiongrpo.base.records import read_records


class SequenceEntry(TypedDict):
    """The fields of a sequence in the log that are needed here; others are allowed."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    name: str
    source: str
    subject: str
    first: Annotated[int, Field(ge=0)]
    frames: Annotated[int, Field(ge=1)]
    betas: Annotated[list[float], Field(min_length=16, max_length=16)]


class FileEntry(TypedDict):
    """A line of the log: a raw file, its verdict and its sequences."""

    file: str
    verdict: str
    reason: str
    seconds: float
    sequences: list[SequenceEntry]


_ENTRY = TypeAdapter(FileEntry)


def read_log(path: Path) -> list[FileEntry]:
    """The entries of a log, without a last line cut short by a kill; InputError where another is invalid."""
    return read_records(path, _ENTRY, whole_lines=True) if path.is_file() else []
