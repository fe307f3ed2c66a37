"""Datasets of recovery: head recordings, parts, bodies in the formats of other tools, pages."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from kedro_datasets._typing import JSONPreview, TablePreview
from pydantic import Field, TypeAdapter

from motiongrpo.base.files import replace_folder, replace_text
from motiongrpo.base.records import read_record
from motiongrpo.datasets.base import FileDataset, FolderDataset, LoadOnly
from motiongrpo.datasets.previews import json_preview, table_preview
from motiongrpo.datasets.records import RecordFile
from motiongrpo.diffusion.recording import save_recording
from motiongrpo.export.files import Kind, export_track
from motiongrpo.head.path import HeadRecording
from motiongrpo.head.stored import load_head_recording, save_head_recording
from motiongrpo.metrics.bands import BandCalibration
from motiongrpo.recovery.inputs import InputsRead
from motiongrpo.recovery.parts import Part, PartFolder
from motiongrpo.viz.clips.video import write_mp4
from motiongrpo.viz.recovery.delivery import Delivery

_CALIBRATION = TypeAdapter(BandCalibration | Annotated[dict, Field(max_length=0)])


class Calibration(RecordFile):
    """The calibration of bands; empty where there was no motion to calibrate them on."""

    kind = _CALIBRATION


class CalibrationIfAny(LoadOnly, FileDataset[None, BandCalibration | None]):
    """The calibration of bands, or None where there is none or it is empty."""

    may_be_absent = True
    reason = "the calibration is written under its own name"

    def load(self) -> BandCalibration | None:
        found = read_record(self.filepath, _CALIBRATION) if self._exists() else None
        return found if isinstance(found, BandCalibration) else None

    def preview(self) -> JSONPreview:
        """The calibration."""
        found = self.load()
        return json_preview(None if found is None else found.model_dump(mode="json"))


class RecoveryInputs(RecordFile):
    """The recordings that a recovery read, and those that it refused."""

    kind = TypeAdapter(InputsRead)


class HeadRecordingFolder(FolderDataset[dict[str, HeadRecording], dict[str, HeadRecording]]):
    """The recordings that the last command read, by name, one file each."""

    marker = "*.npz"

    def load(self) -> dict[str, HeadRecording]:
        return {name: load_head_recording(path) for name, path in self.files().items()}

    def save(self, data: dict[str, HeadRecording]) -> None:
        files = {name: self.path / f"{name}.npz" for name in data}
        for name, recording in data.items():
            save_head_recording(recording, files[name])
        for path in set(self.path.glob(self.marker)) - set(files.values()):
            path.unlink()

    def preview(self) -> TablePreview:
        """One row per recording with its facts."""
        return table_preview(
            [{"recording": name} | recording.facts for name, recording in self.load().items()]
        )


class RecoverySources(RecordFile):
    """The file that each recovery of a run was made from, by the name of its results."""

    kind = TypeAdapter(dict[str, str])


class RecoverySourcesSoFar(LoadOnly, RecoverySources):
    """The sources of results that still exist in the folder `results`."""

    may_be_absent = True
    reason = "sources are written under their own name"

    def __init__(self, filepath: str, results: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath, metadata)
        self.results = Path(results).expanduser()

    def load(self) -> dict[str, str]:
        sources = super().load() if self._exists() else {}
        return {name: source for name, source in sources.items() if (self.results / name).is_dir()}


class Parts(FolderDataset[dict[str, Part], PartFolder]):
    """The samples of chunks, by names such as `walk/000_0001800`."""

    may_be_absent = True
    marker = "*/*.npz"

    def load(self) -> PartFolder:
        return PartFolder(self.path)

    def save(self, data: dict[str, Part]) -> None:
        for name, part in data.items():
            PartFolder(self.path).save(name, part)

    def preview(self) -> JSONPreview:
        """The names of the parts."""
        return json_preview(list(self.files()))


class PartsSoFar(LoadOnly, Parts):
    """The parts from earlier commands."""

    reason = "parts are written under their own name"


class RecoveredBodies(FolderDataset[dict[str, Delivery], dict[str, list[Path]]]):
    """One folder per recording, with its body in every format and its report; saving replaces the folder."""

    marker = "*/report.html"

    def load(self) -> dict[str, list[Path]]:
        reports = sorted(self.path.glob(self.marker))
        return {report.parent.name: sorted(report.parent.iterdir()) for report in reports}

    def save(self, data: dict[str, Delivery]) -> None:
        for name, delivery in data.items():
            replace_folder(self.path / name, partial(_write, delivery, name))

    def preview(self) -> JSONPreview:
        """The files of every recording."""
        return json_preview({name: [path.name for path in paths] for name, paths in self.load().items()})


def _write(delivery: Delivery, name: str, folder: Path) -> None:
    kinds: list[Kind] = [kind for kind in delivery.outputs if kind != "mp4"]
    export_track(delivery.track, delivery.body, folder / name, kinds)
    save_recording(delivery.recording, folder / "recording.npz")
    if "mp4" in delivery.outputs:
        write_mp4(delivery.scene, folder / f"{name}.mp4")
    replace_text(folder / "report.html", delivery.page)
