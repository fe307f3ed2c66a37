"""Dataset of a folder of raw motion files."""

from pathlib import Path
from typing import Any

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import escaped
from motiongrpo.datasets.base import Dataset, LoadOnly
from motiongrpo.motion.raw import RawFile, RawFolder


class RawMotionFolder(LoadOnly, Dataset[None, RawFolder]):
    """The files below `folder`, listed but not opened; a relative path starts at the working directory.

    None lists no files, for a source that generates its motion.
    """

    may_be_absent = True
    reason = "raw motions belong to their owner and are never written"

    def __init__(self, folder: str | None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.folder = None if folder is None else Path(folder).expanduser()

    def load(self) -> RawFolder:
        if self.folder is None:
            return RawFolder(None, {})
        if not self.folder.is_dir():
            raise InputError(f"data_root '{self.folder}' is not a folder; pass --params data_root=DIR")
        root = self.folder.resolve()
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        files = [_listed(path, root) for path in paths]
        return RawFolder(root, {file.name: file for file in files})


def _listed(path: Path, root: Path) -> RawFile:
    facts = path.stat()
    return RawFile(escaped(path.relative_to(root).as_posix()), path, facts.st_size, facts.st_mtime_ns)
