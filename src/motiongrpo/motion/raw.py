"""Raw motion files as their owner keeps them, listed but not opened."""

import lzma
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from motiongrpo.errors import InputError


@dataclass(frozen=True)
class RawFile:
    """One file, read only when asked."""

    name: str  # relative to the folder, with forward slashes
    path: Path
    size: int

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
class RawFolder:
    """All files below a folder, by name; `root` is None where no folder was given."""

    root: Path | None
    files: dict[str, RawFile]

    @property
    def readers(self) -> dict[str, Callable[[], bytes]]:
        """What reads each file, by name."""
        return {name: file.read for name, file in self.files.items()}
