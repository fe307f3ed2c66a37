"""Raw motion files in their owner's folder: listed, and opened only to be read or fingerprinted."""

import hashlib
import io
import lzma
import math
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import PositiveFloat

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError

NEVER_READ = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".tif", ".mp4", ".mpg", ".avi", ".mov"),
    *(".ply", ".obj", ".c3d", ".zip", ".tar", ".gz", ".bz2"),
)
"""Suffixes of pictures, videos, meshes and archives, which no source reads; they have no fingerprint."""

UNREADABLE = "unreadable"
"""The digest of a file that the operating system refuses to read."""

PIECE = 1 << 16  # bytes unpacked at a time, so that reading a header unpacks little more


class MostMegabytes(Config):
    """The largest unpacked size of a file by kind; larger ones are refused before they fill the memory."""

    bvh: PositiveFloat
    amc: PositiveFloat
    npz: PositiveFloat
    hdf5: PositiveFloat  # of one array of one take
    other: PositiveFloat  # asf, pkl, json, txt

    def bytes_of(self, file: str) -> float:
        """The bound on a file by its suffix; none for kinds that are not read as a whole."""
        match suffix(file):
            case ".bvh" | ".amc" | ".npz" as kind:
                return 1e6 * getattr(self, kind[1:])
            case ".asf" | ".pkl" | ".json" | ".txt":
                return 1e6 * self.other
            case _:
                return math.inf


@dataclass(frozen=True)
class RawFile:
    """One raw file, which is opened only when it is read."""

    name: str  # relative to the folder, with forward slashes; unprintable characters as escapes
    path: Path
    size: int
    modified_ns: int

    def read(self, most_bytes: float = math.inf) -> bytes:
        """The content, unpacked where the name ends in `.xz`; InputError where it exceeds the bound."""
        with self.open(most_bytes) as content:
            return b"".join(iter(partial(content.read, PIECE), b""))

    def open(self, most_bytes: float = math.inf) -> io.BufferedReader:
        """The content as a stream that is unpacked while it is read; InputError as by `read`."""
        with _told(self.name):
            facts = self.path.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise InputError(f"'{self.name}' is not a file, but a pipe, a device or a folder")
            if facts.st_size > most_bytes:
                raise InputError(_too_large(self.name, most_bytes))
            unpacked = lzma.LZMAFile if self.path.suffix == ".xz" else partial(Path.open, mode="rb")
            content = unpacked(self.path)
        return io.BufferedReader(_Bounded(content, self.name, most_bytes), PIECE)


class _Bounded(io.RawIOBase):
    """The content of a file up to a number of bytes; any failure to read becomes an InputError."""

    def __init__(self, content: io.BufferedIOBase, name: str, most_bytes: float) -> None:
        self.content, self.name, self.most_bytes, self.seen = content, name, most_bytes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _told(self.name):
            piece = self.content.read(len(buffer))
        self.seen += len(piece)
        if self.seen > self.most_bytes:
            raise InputError(_too_large(self.name, self.most_bytes))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.content.close()
        super().close()


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn errors of the operating system and of unpacking into InputError."""
    try:
        yield
    except (lzma.LZMAError, EOFError) as error:
        raise InputError(f"'{name}' is not a whole xz file: {error}") from error
    except OSError as error:
        raise InputError(f"'{name}' cannot be read: {error.strerror}") from error


def _too_large(name: str, most_bytes: float) -> str:
    return (
        f"'{name}' holds more than {most_bytes / 1e6:g} MB; if that is motion, cut it into takes "
        "or raise ingestion.most_megabytes"
    )


@dataclass(frozen=True)
class Content:
    """The content of a raw file, read on demand; InputError where it exceeds the bound."""

    file: RawFile
    most_bytes: float

    def __call__(self) -> bytes:
        """The whole content."""
        return self.file.read(self.most_bytes)

    def open(self) -> io.BufferedReader:
        """The content as a stream."""
        return self.file.open(self.most_bytes)


@dataclass(frozen=True)
class Fingerprint:
    """The size, time of change and content digest of a file when it was last read."""

    size: int
    modified_ns: int
    digest: str  # SHA-256 of its bytes; "" for a file that is never read


def fingerprints(
    files: Iterable[RawFile], known: dict[str, Fingerprint], most: MostMegabytes
) -> Iterator[tuple[str, Fingerprint]]:
    """The name and fingerprint of each file; a file with unchanged size and modification time is not reread.

    A copied file has another time and the same digest. A file that changes but keeps both its size and its
    time is taken for the old one.
    """
    for file in files:
        before = known.get(file.name)
        facts = (file.size, file.modified_ns)
        if before is None or (before.size, before.modified_ns) != facts or before.digest == UNREADABLE:
            never = file.path.suffix.lower() in NEVER_READ or file.size > most.bytes_of(file.name)
            before = Fingerprint(*facts, "" if never else _digest(file))
        yield file.name, before


def _digest(file: RawFile) -> str:
    try:
        with file.path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return UNREADABLE


def suffix(file: str) -> str:
    """The suffix of a file without packing: `.bvh` for `a/b.bvh.xz`."""
    return PurePosixPath(file.removesuffix(".xz")).suffix.lower()


@dataclass(frozen=True)
class RawFolder:
    """All files below a folder, by name; `root` is None where no folder was given."""

    root: Path | None
    files: dict[str, RawFile]

    def readers(self, most: MostMegabytes) -> dict[str, Content]:
        """The contents by name, each up to the largest size of its kind."""
        return {name: Content(file, most.bytes_of(name)) for name, file in self.files.items()}
