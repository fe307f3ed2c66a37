"""Checkpoints on disk, written in an order that leaves them usable after a kill at any moment."""

import json

import pytest
import torch
from kedro.io import DatasetError

from motiongrpo.base.checkpoint import COMPLETE, STATE, Checkpoint, Header, Kind, TrainingCheckpoint
from motiongrpo.datasets.checkpoints import CheckpointDataset, CheckpointSeries, TrainingState


def checkpoint(kind: Kind, step: int) -> Checkpoint:
    header = Header(
        kind=kind,
        stage="pretraining",
        step=step,
        seed=0,
        architecture={},
        body_digest="",
        parameters={},
        inputs={},
        code_version="0",
        metrics={},
    )
    return Checkpoint(header, {"weight": torch.full((2,), float(step))})


def saved(step: int, complete: bool) -> TrainingCheckpoint:
    return TrainingCheckpoint(checkpoint("denoiser", step), checkpoint("training_state", step), complete)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_checkpoint_exists_once_it_is_saved_and_comes_back(tmp_path):
    dataset = CheckpointDataset(str(tmp_path / "a.safetensors"), "denoiser")
    assert not dataset.exists()
    dataset.save(checkpoint("denoiser", 5))
    assert dataset.exists()
    assert dataset.load().tensors["weight"].tolist() == [5.0, 5.0]
    assert json.loads(dataset.preview())["step"] == 5


def test_a_checkpoint_of_another_kind_does_not_load(tmp_path):
    CheckpointDataset(str(tmp_path / "a"), "denoiser").save(checkpoint("denoiser", 5))
    with pytest.raises(
        DatasetError, match="is a denoiser checkpoint, but a reward_model checkpoint is needed"
    ):
        CheckpointDataset(str(tmp_path / "a"), "reward_model").load()


def test_every_save_adds_a_model_and_replaces_the_state(tmp_path):
    series, state = CheckpointSeries(str(tmp_path)), TrainingState(str(tmp_path))
    assert state.load() is None
    for step in (2, 4):
        series.save(saved(step, complete=False))
    assert names(tmp_path) == ["step_0000002.safetensors", "step_0000004.safetensors", STATE]
    assert state.load().header.step == 4
    assert not series.exists()


def test_a_series_exists_while_its_training_is_complete(tmp_path):
    """A longer training that continues it removes the end mark until it has ended."""
    series = CheckpointSeries(str(tmp_path))
    series.save(saved(2, complete=True))
    assert series.exists()
    assert series.load().final().stem == "step_0000002"
    assert (tmp_path / COMPLETE).read_text() == "2\n"
    series.save(saved(4, complete=False))
    assert not series.exists()


def test_a_kill_between_model_and_state_goes_on_from_the_state_before(tmp_path):
    series = CheckpointSeries(str(tmp_path))
    series.save(saved(2, complete=False))
    (tmp_path / STATE).rename(tmp_path / "aside")
    (tmp_path / STATE).mkdir()  # where a state cannot be written
    with pytest.raises(DatasetError):
        series.save(saved(4, complete=True))
    (tmp_path / STATE).rmdir()
    (tmp_path / "aside").rename(tmp_path / STATE)
    assert names(tmp_path) == ["step_0000002.safetensors", "step_0000004.safetensors", STATE]
    assert TrainingState(str(tmp_path)).load().header.step == 2


def test_a_state_is_only_ever_written_with_its_model(tmp_path):
    with pytest.raises(DatasetError, match="the state is written with its checkpoint"):
        TrainingState(str(tmp_path)).save("state")
