"""Files of a run with seeded random damage: one sentence that names the file."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from motiongrpo.app.refusals import sentence_of
from motiongrpo.datasets.base import Dataset
from motiongrpo.datasets.checkpoints import CheckpointDataset, EgoAlloFolder
from motiongrpo.datasets.motion_store import MotionStoreDataset, RawContents
from motiongrpo.datasets.recordings import RecordingFolder
from motiongrpo.datasets.records import RewardReport
from motiongrpo.datasets.recovery import CalibrationIfAny, HeadRecordingFolder
from motiongrpo.datasets.tables import RunScores, StepLog, WindowTable
from motiongrpo.diffusion.egoallo import write_egoallo
from tests.damage import assert_one_sentence, damaged, within
from tests.datasets.test_checkpoints import checkpoint
from tests.datasets.test_folders import recorded, scored, update
from tests.diffusion.test_egoallo_files import model
from tests.metrics.test_bands import calibration
from tests.recovery.test_parts import recording

COUNT = 15  # damaged files per kind


def saved(dataset: Dataset, data: object) -> Dataset:
    dataset.save(data)
    return dataset


def refused(dataset: Dataset) -> DatasetError | None:
    try:
        dataset.load()
    except DatasetError as error:
        return error
    return None


def store(folder: Path) -> Dataset:
    dataset = MotionStoreDataset(str(folder))
    dataset.save(update("a", finished=False))
    return saved(dataset, update("b", finished=True))


def egoallo(folder: Path) -> Dataset:
    write_egoallo(model(), folder, 7)
    return EgoAlloFolder(str(folder))


def scores(folder: Path) -> Dataset:
    return saved(RunScores(str(folder), "a", None), {"grpo/step_0000002": scored(50.0)})


def calibrated(folder: Path) -> Dataset:
    path = folder / "bands.json"
    path.write_text(calibration().model_dump_json())
    return CalibrationIfAny(str(path))


def contents(folder: Path) -> Dataset:
    (folder / "raw_files.json").write_text('{"a.bvh": [120, 1700000000000000000, "ab12"], "b": [5, 6, ""]}')
    return RawContents(str(folder))


ROWS = [{"step": step, "loss": 0.5 / step} for step in range(1, 9)]
WINDOWS = pd.DataFrame(
    [(split, at, 1, 40, f"s{at}") for at, split in enumerate(("train", "validation", "test"))],
    columns=["split", "sequence", "start", "length", "subject"],
)
EXAMINED = {
    "windows": 8,
    "corruptions": {"jitter": {"pair_accuracy": {"0.5": 0.75, "1.0": 1.0}, "spearman": -0.5}},
    "another_head": {"pair_accuracy": 0.5},
    "truth_score": 0.5,
}

KEPT: dict[str, tuple[Callable[[Path], Dataset], str]] = {
    "checkpoint": (
        lambda f: saved(CheckpointDataset(str(f / "a.safetensors"), "denoiser"), checkpoint("denoiser", 5)),
        "a.safetensors",
    ),
    "egoallo's weights": (egoallo, "checkpoints_7/model.safetensors"),
    "egoallo's configuration": (egoallo, "model_config.yaml"),
    "recording": (lambda f: saved(RecordingFolder(str(f)), {"walk": recorded()}), "walk.npz"),
    "list of recordings": (lambda f: saved(RecordingFolder(str(f)), {"walk": recorded()}), ".written.json"),
    "head path": (lambda f: saved(HeadRecordingFolder(str(f)), {"walk": recording()}), "walk.npz"),
    "score": (scores, "a/scores/grpo/step_0000002.json"),
    "log": (lambda f: saved(StepLog(str(f / "log.jsonl")), ROWS), "log.jsonl"),
    "windows": (lambda f: saved(WindowTable(str(f / "windows.csv")), WINDOWS), "windows.csv"),
    "report": (lambda f: saved(RewardReport(str(f / "reward_report.json")), EXAMINED), "reward_report.json"),
    "bands": (calibrated, "bands.json"),
    "contents": (contents, "raw_files.json"),
    "header": (store, "g/header.json"),
    "log of files": (store, "g/files.jsonl"),
    "generation": (store, "CURRENT"),
}
"""What is kept: a folder with it and what reads it, and the file that is damaged."""


@pytest.mark.parametrize("kind", KEPT)
def test_what_a_run_keeps_is_read_or_refused_by_its_name_in_one_sentence(kind, tmp_path):
    write, file = KEPT[kind]
    dataset = write(tmp_path)
    dataset.load()
    path = tmp_path / file
    names = {found.name for found in tmp_path.rglob("*")}
    for name, content in damaged(path.read_bytes(), list(KEPT).index(kind), COUNT):
        path.write_bytes(content)
        with within():
            refusal = refused(dataset)
        if refusal is not None:
            sentence = sentence_of(refusal)
            assert sentence is not None, (name, repr(refusal.__cause__))
            assert_one_sentence(sentence.replace(str(tmp_path), ""))
            assert str(tmp_path) in sentence
        assert {found.name for found in tmp_path.rglob("*")} == names
