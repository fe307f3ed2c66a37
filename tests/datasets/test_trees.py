"""Many trainings under one catalog entry."""

from motiongrpo.base.checkpoint import COMPLETE, CheckpointTree
from motiongrpo.datasets.trees import CheckpointSeriesTree, StepLogTree
from tests.datasets.test_checkpoints import saved


def test_every_name_is_a_series_of_its_own(tmp_path):
    tree = CheckpointSeriesTree(str(tmp_path))
    assert not tree.exists()
    tree.save({"a/seed_0": saved(1, False), "b/seed_0": saved(5, True)})
    tree.save({"a/seed_0": saved(2, False)})
    a, b = (tree.load().folder(f"{name}/seed_0") for name in "ab")
    assert [path.name for path in a.files()] == ["step_0000001.safetensors", "step_0000002.safetensors"]
    assert (a.complete, b.complete) == (False, True)
    assert a.state().header.step == 2
    assert tree.load().folder("c/seed_0").state() is None
    assert tree.exists()


def test_saving_nothing_changes_nothing(tmp_path):
    CheckpointSeriesTree(str(tmp_path)).save({})
    StepLogTree(str(tmp_path)).save({})
    assert list(tmp_path.iterdir()) == []


def test_folders_beside_one_are_those_of_the_same_cell(tmp_path):
    tree = CheckpointSeriesTree(str(tmp_path))
    for name in ("a/seed_0/old", "a/seed_0/now", "a/seed_1/now"):
        tree.save({name: saved(1, True)})
    assert [f.path.name for f in CheckpointTree(tmp_path).beside("a/seed_0/now")] == ["old"]
    assert (tmp_path / "a/seed_0/now" / COMPLETE).is_file()


def test_every_name_has_a_log_of_its_own(tmp_path):
    tree = StepLogTree(str(tmp_path))
    tree.save({"a/seed_0": [{"step": 1, "x": 1.0}], "b": [{"step": 1}]})
    tree.save({"a/seed_0": [{"step": 2, "x": 3.0}]})
    logs = tree.load()
    assert set(logs) == {"a/seed_0", "b"}
    assert logs["a/seed_0"]["x"].tolist() == [1.0, 3.0]
