"""Recordings in the catalog: a folder with one npz file each."""

from kedro_datasets._typing import TablePreview

from motiongrpo.datasets.base import FolderDataset
from motiongrpo.datasets.previews import table_preview
from motiongrpo.diffusion.recording import Recording, load_recordings, save_recording


class RecordingFolder(FolderDataset[dict[str, Recording], dict[str, Recording]]):
    """Recordings by name; saving replaces all that were there."""

    marker = "*.npz"

    def load(self) -> dict[str, Recording]:
        return load_recordings([self.path])

    def save(self, data: dict[str, Recording]) -> None:
        files = {name: self.path / f"{name.replace('/', '_')}.npz" for name in data}
        for name, recording in data.items():
            save_recording(recording, files[name])
        for path in self.path.glob(self.marker):
            if path not in files.values():
                path.unlink()

    def preview(self) -> TablePreview:
        """A row a recording: its title, the motions in it, and its length in seconds."""
        return table_preview(
            [
                {
                    "recording": name,
                    "title": recording.title,
                    "motions": ", ".join(recording.names),
                    "seconds": recording.motions.mask.shape[1] / recording.fps,
                }
                for name, recording in self.load().items()
            ]
        )
