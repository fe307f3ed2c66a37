"""Clips in the catalog: a video and, for where none plays, an animated picture beside it."""

import base64
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview

from motiongrpo.base.files import replace_file
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.clips.video import write_gif, write_mp4


class ClipDataset(AbstractDataset[Scene, bytes]):
    """A scene on its way to disk, as MP4 and GIF; the MP4 on its way back."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    @property
    def gif(self) -> Path:
        """The animated picture."""
        return self.filepath.with_suffix(".gif")

    def load(self) -> bytes:
        return self.filepath.read_bytes()

    def save(self, data: Scene) -> None:
        replace_file(self.gif, partial(write_gif, data))
        replace_file(self.filepath, partial(write_mp4, data))

    def preview(self) -> ImagePreview:
        """The animated picture: it plays in the panel."""
        return ImagePreview(base64.b64encode(self.gif.read_bytes()).decode("ascii"))

    def _exists(self) -> bool:
        return self.filepath.is_file() and self.gif.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath}
