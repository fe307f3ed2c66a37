"""Dataset of recordings: a folder with one npz file per recording."""

import json

from kedro_datasets._typing import TablePreview

from motiongrpo.base.files import replace_text
from motiongrpo.datasets.base import FolderDataset
from motiongrpo.datasets.previews import table_preview
from motiongrpo.diffusion.recording import Recording, load_recordings, save_recording

WRITTEN = ".written.json"  # names of the files that were saved by this dataset


class RecordingFolder(FolderDataset[dict[str, Recording], dict[str, Recording]]):
    """Recordings by name; saving replaces those that were saved before, but not the user's own files."""

    marker = "*.npz"

    def load(self) -> dict[str, Recording]:
        return load_recordings([self.path])

    def save(self, data: dict[str, Recording]) -> None:
        files = {name: f"{name.replace('/', '_')}.npz" for name in data}
        before = self._written()
        replace_text(self.path / WRITTEN, json.dumps(sorted(before | set(files.values()))))
        for name, recording in data.items():
            save_recording(recording, self.path / files[name])
        for file in before - set(files.values()):
            (self.path / file).unlink(missing_ok=True)
        replace_text(self.path / WRITTEN, json.dumps(sorted(files.values())))

    def _written(self) -> set[str]:
        """The files saved before, also by a command that was killed while saving."""
        list_of_names = self.path / WRITTEN
        names = json.loads(list_of_names.read_text(encoding="utf-8")) if list_of_names.is_file() else []
        return {path.name for path in self.path.glob(self.marker)} & set(names)

    def preview(self) -> TablePreview:
        """One row per recording: its title, its motions, and its length in seconds."""
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
