"""What all datasets share."""

import pytest
from kedro.io import DataCatalog, DatasetError

from motiongrpo.datasets.checkpoints import CheckpointIfAny, TrainingState
from motiongrpo.datasets.tables import RunScoresSoFar, ScoreFolder


def test_a_dataset_that_only_loads_refuses_whatever_its_base_can_save(tmp_path):
    dataset = CheckpointIfAny(str(tmp_path / "policy"), "denoiser")
    assert dataset.load() is None
    with pytest.raises(DatasetError, match="a checkpoint is written under its own name"):
        dataset.save("checkpoint")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_exists_once_something_in_it_bears_the_mark(tmp_path):
    scores = ScoreFolder(str(tmp_path))
    (tmp_path / "grpo").mkdir()
    (tmp_path / "grpo/notes.txt").touch()
    assert not scores.exists()
    (tmp_path / "grpo/b.json").write_text("{}")
    (tmp_path / "a.json").write_text("{}")
    assert scores.exists()
    assert list(scores.files()) == ["a", "grpo/b"]


def test_kedro_learns_options_and_place_also_where_a_class_inherits_its_constructor():
    """As shown by `kedro catalog resolve-patterns` and kedro-viz."""
    scores, state = RunScoresSoFar("data", "a", "a;b", {"layer": "x"}), TrainingState("data/grpo")
    config = DataCatalog({"scores": scores}).to_config()[0]["scores"]
    assert config == {
        "type": "motiongrpo.datasets.tables.RunScoresSoFar",
        "root": "data",
        "run": "a",
        "runs": "a;b",
    }
    assert scores.metadata == {"layer": "x"}
    assert str(state) == "motiongrpo.datasets.checkpoints.TrainingState(path=PosixPath('data/grpo'))"
