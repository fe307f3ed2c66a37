"""Clips in the catalog: an MP4, and the same as an animated GIF for where no video plays."""

from functools import partial
from pathlib import Path

from kedro_datasets._typing import ImagePreview

from motiongrpo.base.files import replace_file
from motiongrpo.datasets.base import FileDataset
from motiongrpo.datasets.previews import image_preview
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.clips.video import write_gif, write_mp4


class ClipDataset(FileDataset[Scene, bytes]):
    """A scene is saved as MP4 and GIF; the bytes of the MP4 are loaded."""

    @property
    def gif(self) -> Path:
        """The animated picture, beside the MP4."""
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
