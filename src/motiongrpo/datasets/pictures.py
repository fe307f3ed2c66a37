"""Datasets of pictures, figures, clips and pages, written all or nothing."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from kedro_datasets._typing import ImagePreview, PlotlyPreview
from kedro_datasets.plotly import JSONDataset
from matplotlib.figure import Figure

from motiongrpo.base.files import replace_file, replace_text
from motiongrpo.datasets.base import FileDataset
from motiongrpo.datasets.previews import image_preview
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.clips.video import write_gif, write_mp4
from motiongrpo.viz.figures.panels import one_at_a_time


class PictureDataset(FileDataset[Figure, bytes]):
    """A picture: a matplotlib figure is saved as PNG; the bytes of the PNG are loaded."""

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


class PanelsDataset(JSONDataset):
    """A plotly figure as JSON; kedro-viz has room for only one of its panels at a time."""

    def preview(self) -> PlotlyPreview:
        return PlotlyPreview(json.loads(str(one_at_a_time(self.load()).to_json())))  # type: ignore[arg-type]


class ClipDataset(FileDataset[Scene, bytes]):
    """A clip: a scene is saved as MP4 and GIF; the bytes of the MP4 are loaded."""

    @property
    def gif(self) -> Path:
        """The path of the GIF, beside the MP4."""
        return self.filepath.with_suffix(".gif")

    def load(self) -> bytes:
        return self.filepath.read_bytes()

    def save(self, data: Scene) -> None:
        replace_file(self.gif, partial(write_gif, data))
        replace_file(self.filepath, partial(write_mp4, data))

    def preview(self) -> ImagePreview:
        """The GIF, which plays in the panel."""
        return image_preview(self.gif.read_bytes())

    def _exists(self) -> bool:
        return super()._exists() and self.gif.is_file()
