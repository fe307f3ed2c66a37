"""Pictures and pages in the catalog, written all or nothing."""

from typing import Any

from kedro_datasets._typing import ImagePreview
from matplotlib.figure import Figure

from motiongrpo.base.files import replace_file, replace_text
from motiongrpo.datasets.base import FileDataset
from motiongrpo.datasets.previews import image_preview


class PictureDataset(FileDataset[Figure, bytes]):
    """A matplotlib figure is saved as PNG; the bytes of the PNG are loaded."""

    def __init__(self, filepath: str, dpi: float, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath, metadata)
        self.dpi = dpi

    def load(self) -> bytes:
        return self.filepath.read_bytes()

    def save(self, data: Figure) -> None:
        replace_file(self.filepath, lambda path: data.savefig(path, format="png", dpi=self.dpi))

    def preview(self) -> ImagePreview:
        """The picture itself."""
        return image_preview(self.load())


class PageDataset(FileDataset[str, str]):
    """An HTML page."""

    def load(self) -> str:
        return self.filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        replace_text(self.filepath, data)
