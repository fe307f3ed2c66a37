"""Recordings in the catalog: a folder with one npz file each."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from motiongrpo.datasets.previews import table_preview
from motiongrpo.diffusion.recording import Recording, load_recordings, save_recording


class RecordingFolder(AbstractDataset[dict[str, Recording], dict[str, Recording]]):
    """Saving replaces all that was there."""

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, Recording]:
        return load_recordings([self.path])

    def save(self, data: dict[str, Recording]) -> None:
        files = {name: self.path / f"{name.replace('/', '_')}.npz" for name in data}
        for name, recording in data.items():
            save_recording(recording, files[name])
        for path in self.path.glob("*.npz"):
            if path not in files.values():
                path.unlink()

    def preview(self) -> TablePreview:
        """A row a recording: what moves in it, and for how long."""
        rows = [
            {
                "recording": name,
                "title": recording.title,
                "motions": ", ".join(recording.names),
                "seconds": recording.motions.mask.shape[1] / recording.fps,
            }
            for name, recording in self.load().items()
        ]
        return table_preview(pd.DataFrame(rows))

    def _exists(self) -> bool:
        return any(self.path.glob("*.npz"))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}
