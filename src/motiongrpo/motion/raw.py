"""Raw motion files as their owner keeps them: listed, and opened only to be read or fingerprinted."""

import hashlib
import lzma
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from motiongrpo.base.errors import InputError

NEVER_READ = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".tif", ".mp4", ".mpg", ".avi", ".mov"),
    *(".ply", ".obj", ".c3d", ".zip", ".tar", ".gz", ".bz2"),
)
"""Suffixes of pictures, films, meshes and archives, which no source reads; they are not fingerprinted."""


@dataclass(frozen=True)
class RawFile:
    """One raw file, which is opened only when it is read."""

    name: str  # relative to the folder, with forward slashes
    path: Path
    size: int
    modified_ns: int

    def read(self) -> bytes:
        """The content, unpacked where the name ends in `.xz`."""
        data = self.path.read_bytes()
        if self.path.suffix != ".xz":
            return data
        try:
            return lzma.decompress(data)
        except lzma.LZMAError as error:
            raise InputError(f"'{self.name}' is not a whole xz file: {error}") from error


@dataclass(frozen=True)
class Fingerprint:
    """The size, time of change and content digest of a file when it was last read."""

    size: int
    modified_ns: int
    digest: str  # SHA-256 of its bytes; "" of a file that is never read


def fingerprints(
    files: Iterable[RawFile], known: dict[str, Fingerprint]
) -> Iterator[tuple[str, Fingerprint]]:
    """The name and fingerprint of each file; a file of known size and time of change is not read again.

    A copied file has another time and the same digest. A file that changes and keeps both size and time is
    taken for the old one.
    """
    for file in files:
        before = known.get(file.name)
        if before is None or (before.size, before.modified_ns) != (file.size, file.modified_ns):
            before = Fingerprint(file.size, file.modified_ns, _digest(file))
        yield file.name, before


def _digest(file: RawFile) -> str:
    if file.path.suffix.lower() in NEVER_READ:
        return ""
    with file.path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@dataclass(frozen=True)
class RawFolder:
    """All files below a folder, by name; `root` is None where no folder was given."""

    root: Path | None
    files: dict[str, RawFile]

    @property
    def readers(self) -> dict[str, Callable[[], bytes]]:
        """By name, a function that reads the file."""
        return {name: file.read for name, file in self.files.items()}
