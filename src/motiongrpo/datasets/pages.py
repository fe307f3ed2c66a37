"""Pictures and pages in the catalog, written all or nothing."""

import base64
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview
from matplotlib.figure import Figure

from motiongrpo.base.files import replace_file, replace_text


class PictureDataset(AbstractDataset[Figure, bytes]):
    """A matplotlib figure on its way to disk, a PNG on its way back."""

    def __init__(self, filepath: str, dpi: float, metadata: dict[str, Any] | None = None) -> None:
        self.filepath, self.dpi = Path(filepath), dpi
        self.metadata = metadata

    def load(self) -> bytes:
        return self.filepath.read_bytes()

    def save(self, data: Figure) -> None:
        replace_file(self.filepath, lambda path: data.savefig(path, format="png", dpi=self.dpi))

    def preview(self) -> ImagePreview:
        return ImagePreview(base64.b64encode(self.load()).decode("ascii"))

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath, "dpi": self.dpi}


class PageDataset(AbstractDataset[str, str]):
    """An HTML page."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        return self.filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        replace_text(self.filepath, data)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath}
