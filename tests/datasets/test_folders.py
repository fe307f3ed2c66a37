"""Raw motion, body files, the store, logs and scores as the catalog sees them."""

from dataclasses import replace

import pytest
from kedro.io import DatasetError

from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.datasets.body_files import BodyModelDataset
from motiongrpo.datasets.motion_store import IngestionProgress, MotionOfRuns, MotionStoreDataset, RawContents
from motiongrpo.datasets.raw_motions import RawMotionFolder
from motiongrpo.datasets.recordings import RecordingFolder
from motiongrpo.datasets.records import RewardReport
from motiongrpo.datasets.tables import (
    RunScores,
    RunScoresSoFar,
    ScoreFolder,
    StepLog,
    WindowTable,
)
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Recording
from motiongrpo.motion.grounding import ground
from motiongrpo.motion.raw import Fingerprint
from motiongrpo.motion.store import FileVerdict, StoreHeader, StoreUpdate, encode
from tests.bodies import CONTACT, FLOOR, FPS, open_body, standing_clip, stored, window_batch


def recorded() -> Recording:
    return Recording("walk", ("truth",), PlacedMotion.truth(window_batch(frames=4, count=1)), 30.0, "body")


def test_a_folder_is_listed_by_name_with_sizes_and_nothing_is_opened(tmp_path):
    for name in ("b/07_01.bvh", "a.amc", "b/c/x.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "b/07_01.bvh").chmod(0)
    raw = RawMotionFolder(str(tmp_path)).load()
    assert list(raw.files) == ["a.amc", "b/07_01.bvh", "b/c/x.npz"]
    assert {file.size for file in raw.files.values()} == {5}
    assert raw.files["a.amc"].read() == b"12345"


def test_no_folder_is_no_fault_of_the_dataset_but_a_wrong_one_is(tmp_path):
    raw = RawMotionFolder(None).load()
    assert (raw.root, raw.files) == (None, {})
    (tmp_path / "file").touch()
    for wrong in ("file", "nowhere"):
        with pytest.raises(
            DatasetError, match=f"data_root '.*{wrong}' is not a folder; pass --params data_root"
        ):
            RawMotionFolder(str(tmp_path / wrong)).load()
    with pytest.raises(DatasetError, match="raw motions belong to their owner and are never written"):
        RawMotionFolder(str(tmp_path)).save("motion")


def test_the_body_is_the_open_one_unless_a_file_or_folder_is_named(tmp_path):
    assert BodyModelDataset(None).load().digest == open_body().digest
    (tmp_path / "female").mkdir()
    (tmp_path / "female/model.npz").write_bytes(OPEN_BODY.read_bytes())
    assert BodyModelDataset(str(tmp_path), "female").load().name == "female"
    with pytest.raises(DatasetError, match="no male body file at"):
        BodyModelDataset(str(tmp_path), "male").load()
    with pytest.raises(DatasetError, match="body files are never written"):
        BodyModelDataset(None).save("body")


def update(file: str, finished: bool, generation: str = "g") -> StoreUpdate:
    clip = ground(standing_clip(10, name=file), open_body(), FLOOR, CONTACT)
    verdicts = [encode(FileVerdict(file, "accepted", "", 1.0, [clip]))]
    return StoreUpdate(StoreHeader(FPS, "body"), generation, verdicts, finished)


def test_a_store_exists_once_its_last_update_is_saved(tmp_path):
    dataset, progress = MotionStoreDataset(str(tmp_path)), IngestionProgress(str(tmp_path))
    assert progress.load() == {}
    dataset.save(update("a", finished=False))
    assert not dataset.exists()
    assert progress.load() == {"g": {"a"}}
    dataset.save(update("b", finished=True))
    assert dataset.exists()
    assert progress.load() == {"g": {"a", "b"}}
    assert dataset.load().sequences["name"].tolist() == ["a", "b"]


def test_what_raw_files_held_is_kept_beside_the_store(tmp_path):
    dataset, contents = MotionStoreDataset(str(tmp_path)), RawContents(str(tmp_path))
    assert contents.load() == {}
    held = {"a.bvh": Fingerprint(3, 10**18 + 1, "5e"), "b.jpg": Fingerprint(4, 1, "")}
    dataset.save(replace(update("a", finished=False), contents=held))
    dataset.save(update("b", finished=True))
    assert contents.load() == held
    with pytest.raises(DatasetError, match="contents are written with the motion store"):
        contents.save("anything")


def test_a_file_that_is_saved_twice_is_there_once(tmp_path):
    """This happens after a kill between the save and the next node."""
    dataset = MotionStoreDataset(str(tmp_path))
    for _ in range(2):
        dataset.save(update("a", finished=True))
    assert dataset.load().sequences["name"].tolist() == ["a"]


def test_a_log_holds_every_step_once_and_a_repeated_step_replaces_all_after_it(tmp_path):
    log = StepLog(str(tmp_path / "log.jsonl"))
    assert not log.exists()
    log.save([{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}, {"step": 3, "loss": 0.3}])
    log.save([])
    log.save([{"step": 2, "loss": 1 / 3}])
    assert log.load().to_dict("list") == {"step": [1, 2], "loss": [0.5, 1 / 3]}
    assert log.preview(1)["data"] == [[2, 1 / 3]]


def test_scores_lie_under_the_names_of_their_checkpoints(tmp_path):
    scores = ScoreFolder(str(tmp_path / "scores"))
    assert (scores.load(), scores.exists()) == ({}, False)
    scores.save({"grpo/step_0000002": {"mpjpe_mm": 1 / 3}})
    scores.save({"grpo/step_0000004": {"mpjpe_mm": 2.0}})
    assert scores.load() == {
        "grpo/step_0000002": {"mpjpe_mm": 1 / 3},
        "grpo/step_0000004": {"mpjpe_mm": 2.0},
    }
    assert (tmp_path / "scores/grpo/step_0000002.json").is_file()


def scored(mpjpe_mm: float) -> dict:
    """A score with the required fields only."""
    windows = {"sequence": [0], "window": [1], "subject": ["a"], "mpjpe_mm": [mpjpe_mm]}
    return {"stage": "grpo", "step": 2, "weights": "0", "windows": windows}


def test_scores_of_other_runs_lie_beside_ours_and_give_way_to_our_own_of_them(tmp_path):
    ScoreFolder(str(tmp_path / "b/scores")).save({"grpo/1": scored(1.0), "grpo/2": scored(2.0)})
    scores = RunScores(str(tmp_path), "a", "a;b")
    assert scores.load() == {"b/grpo/1": scored(1.0), "b/grpo/2": scored(2.0)}
    scores.save({"b/grpo/1": scored(3.0), "grpo/1": scored(4.0)})
    assert (tmp_path / "a/scores/b/grpo/1.json").is_file()
    assert scores.load() == {
        "b/grpo/1": scored(3.0),
        "grpo/1": scored(4.0),
        "b/grpo/2": scored(2.0),
    }
    assert RunScores(str(tmp_path), "b", None).load().keys() == {"grpo/1", "grpo/2"}
    assert not RunScores(str(tmp_path), "c", None).exists()
    with pytest.raises(DatasetError, match="written under their own name"):
        RunScoresSoFar(str(tmp_path), "a", None).save({"grpo/1": {}})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"step": "x"}, "step: Input should be a valid integer"),
        ({"weights": None}, "weights: Input should be a valid string"),
        ({"windows": {}}, "windows: Value error, column 'sequence' is missing"),
        (
            {"windows": scored(1.0)["windows"] | {"mpjpe_mm": ["x"]}},
            "column 'mpjpe_mm' has values that",
        ),
        (
            {"windows": scored(1.0)["windows"] | {"mpjpe_mm": [1.0, 2.0]}},
            "column 'mpjpe_mm' has 2 rows",
        ),
    ],
)
def test_a_score_that_was_edited_by_hand_is_refused_by_its_name(change, fault, tmp_path):
    scores = RunScores(str(tmp_path), "a", None)
    scores.save({"grpo/1": scored(1.0) | change})
    with pytest.raises(DatasetError, match=rf"'.*grpo/1\.json' is not as it was written: .*{fault}"):
        scores.load()


def test_a_row_without_a_step_and_a_table_without_a_column_are_refused_by_the_file(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"loss": 2}\n')
    with pytest.raises(DatasetError, match=r"log\.jsonl', line 2 is not .*'step' must be a whole number"):
        StepLog(str(tmp_path / "log.jsonl")).load()
    (tmp_path / "windows.csv").write_text("split,sequence\ntrain,0\n")
    with pytest.raises(DatasetError, match=r"windows\.csv' is not as it was written: column 'start' is miss"):
        WindowTable(str(tmp_path / "windows.csv")).load()
    (tmp_path / "raw_files.json").write_text('{"a.bvh": [1, 2]}')
    with pytest.raises(DatasetError, match=r"raw_files\.json' is not as it was written: a\.bvh\.2: Field re"):
        RawContents(str(tmp_path)).load()
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(
        DatasetError, match=r"report\.json' is not as it was written: windows: Field required"
    ):
        RewardReport(str(tmp_path / "report.json")).load()


def test_recordings_replace_those_saved_before_and_no_file_of_the_users_own(tmp_path):
    folder = RecordingFolder(str(tmp_path))
    folder.save({"test/a": recorded(), "b": recorded()})
    (tmp_path / "mine.npz").write_bytes(b"of the user")
    folder.save({"b": recorded(), "c": recorded()})
    assert {path.name for path in tmp_path.glob("*.npz")} == {"b.npz", "c.npz", "mine.npz"}
    (tmp_path / ".written.json").write_text('["../mine.npz", "b.npz"]')
    folder.save({})
    assert {path.name for path in tmp_path.glob("*.npz")} == {"c.npz", "mine.npz"}


def test_the_motion_of_other_runs_is_opened_where_there_is_any_and_when_it_is_wanted(tmp_path):
    stores, tables = tmp_path / "stores", tmp_path / "tables"
    stored(stores / "b/motions", [ground(standing_clip(), open_body(), FLOOR, CONTACT)])
    for name in ("a", "b", "c"):
        (tables / name).mkdir(parents=True)
        (tables / name / "windows.csv").write_text("split,sequence,start,length,subject\ntrain,0,1,9,07\n")
    dataset = MotionOfRuns(str(stores), str(tables), "a", "a;b;c;d")
    found = dataset.load()
    assert list(found) == ["b"]
    motions, windows = found["b"]()
    assert len(motions.sequences) == 1
    assert windows["subject"].tolist() == ["07"]
    assert "b" in dataset.preview()
    (tables / "b/windows.csv").write_text("split,subject\ntrain,07\n")
    with pytest.raises(
        DatasetError, match=r"windows\.csv' is not as it was written: column 'sequence' is miss"
    ):
        found["b"]()
    assert MotionOfRuns(str(stores), str(tables), "a", None).load() == {}
    with pytest.raises(DatasetError, match="the motion of other runs is never written"):
        dataset.save({})
