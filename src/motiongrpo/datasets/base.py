"""Base classes of the datasets: a path on disk, a description, and the refusal to save."""

import inspect
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset, DatasetError

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class Dataset(AbstractDataset[Saved, Loaded]):
    """A dataset that describes itself by its public attributes; kedro-viz reads `metadata`."""

    may_be_absent = False
    """Whether a run that reads it may start without it; loading then gives an empty value or an error."""

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Kedro records the options of a dataset from this signature, which its wrapper hides if inherited.
        cls.__init__.__signature__ = inspect.signature(cls.__init__)  # type: ignore[attr-defined]

    def _describe(self) -> dict[str, Any]:
        public = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {name: value for name, value in public.items() if name != "metadata"}


class FileDataset(Dataset[Saved, Loaded]):
    """A single file."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.filepath = Path(filepath).expanduser()

    def _exists(self) -> bool:
        return self.filepath.is_file()


class FolderDataset(Dataset[Saved, Loaded]):
    """A folder; it exists once a file below it matches the glob pattern `marker`."""

    marker = "*"

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.path = Path(path).expanduser()

    def files(self) -> dict[str, Path]:
        """The files that match `marker`, by their path below the folder without the suffix."""
        paths = sorted(self.path.glob(self.marker))
        return {path.relative_to(self.path).with_suffix("").as_posix(): path for path in paths}

    def _exists(self) -> bool:
        return any(self.path.glob(self.marker))


class LoadOnly:
    """A mixin, as first base, for a dataset that no node may save; `reason` is the error's explanation."""

    reason: str

    def save(self, data: Any) -> None:
        raise DatasetError(self.reason)
