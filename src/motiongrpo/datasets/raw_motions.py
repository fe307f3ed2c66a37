"""A folder of motion files as its owner keeps it."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from motiongrpo.base.errors import InputError
from motiongrpo.motion.raw import RawFile, RawFolder


class RawMotionFolder(AbstractDataset[None, RawFolder]):
    """Lists a folder tree without opening anything in it; relative to where the command was given."""

    may_be_absent = True  # a source that makes its own motion needs none

    def __init__(self, folder: str | None, metadata: dict[str, Any] | None = None) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        self.metadata = metadata

    def load(self) -> RawFolder:
        if self.folder is None:
            return RawFolder(None, {})
        if not self.folder.is_dir():
            raise InputError(f"data_root '{self.folder}' is not a folder; pass --params data_root=DIR")
        root = self.folder.resolve()
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        files = [_listed(path, root) for path in paths]
        return RawFolder(root, {file.name: file for file in files})

    def save(self, data: None) -> None:
        raise InputError("raw motions belong to their owner and are never written")

    def _describe(self) -> dict[str, Any]:
        return {"folder": self.folder}


def _listed(path: Path, root: Path) -> RawFile:
    facts = path.stat()
    return RawFile(path.relative_to(root).as_posix(), path, facts.st_size, facts.st_mtime_ns)
