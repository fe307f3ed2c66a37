"""Records and tables that one node writes and others read: invalid ones are named with their file."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from motiongrpo.base.tables import read_table
from motiongrpo.datasets.records import CandidateList, RewardReport, RunRecord, Scenes
from motiongrpo.datasets.recovery import Calibration, RecoveryInputs
from motiongrpo.datasets.tables import (
    CellScores,
    Comparison,
    DiversityCells,
    ErrorProfile,
    PolicyLog,
    Reliability,
    RunsComparison,
)
from motiongrpo.metrics.table import StandingRow
from tests.metrics.test_bands import calibration

CANDIDATE = {"name": "a", "run": "r", "stage": "grpo", "step": 1, "weights": "w", "body": None, "path": "p"}
MOTION = {"name": "truth", "p_world_joint": [[[0.0] * 3] * 22] * 2, "contacts": [[True] * 21] * 2}
SCENE = {"title": "a", "fps": 30.0, "T_world_cpf": [[0.0] * 7] * 2, "motions": [MOTION]}
POOLS = {"all": [0.5, 0.5]}
CELL = {
    "facts": {"sampler": "ddim", "latent": "own", "noise": "none", "scope": "", "amplitude_m": 0.0},
    "spread_mm": POOLS,
    "reward_std": POOLS,
    "dropped_share": POOLS,
    "condition_variance": POOLS,
    "action_variance": POOLS,
    "gradient_products": {"all": [[1.0, 0.0], [0.0, 1.0]]},
}
SCORE = {
    "stage": "joint",
    "step": 4,
    "weights": "ab",
    "windows": {"sequence": [0, 1], "window": [1, 1], "subject": ["a", "b"], "mpjpe_mm": [50.0, None]},
    "rewards": {"position": [0.5, None]},
}
ROW = {
    **{"checkpoint": "grpo/step_0000001", "stage": "grpo", "step": 1, "metric": "mpjpe_mm", "unit": "mm"},
    **{"better": "lower", "mean": 50.0, "low": None, "high": None, "windows": 1, "sequences": 1},
    **{"subjects": 1, "left_out": 0, "difference": 0.0, "difference_low": None, "difference_high": None},
    **{"paired_windows": 1, "resampled": "sequences"},
}
STANDING = ROW | {"standing": "current"}
RUN = ROW | {"run": "a", "reference": "grpo/step_0000001", "protocol": "same"}
ERROR = {"by": "joint", "name": "head", "mean": 5.0, "low": 4.0, "high": 6.0, "windows": 1, "sequences": 1}
PROFILE = [ERROR | {"model": model} for model in ("pretrained", "post-trained", "difference")]
HELD = {"level": 0.9, "by": "all", "name": "all", "inside": 0.9, "low": None, "high": None, "radius_mm": 9.0}
BANDS = [
    HELD | {"band": band, "stretches": 1, "people": 1} for band in ("calibrated", "spread of the samples")
]


@pytest.mark.parametrize(
    ("dataset", "held", "fault"),
    [
        (CandidateList, [CANDIDATE, CANDIDATE], "'a' is there twice"),
        (CandidateList, [CANDIDATE, CANDIDATE | {"step": "x"}], r"1\.step: Input should be a valid integer"),
        (RunRecord, {"run": "a"}, "trained: Field required"),
        (RecoveryInputs, {"read": [1], "refused": {}}, r"read\.0: Input should be a valid string"),
        (Scenes, {"best": SCENE, "median": SCENE}, "there is no 'worst'"),
        (Scenes, {"best": SCENE | {"T_world_cpf": [[0.0] * 7]}}, r"truth must have shape \(1, 22, 3\), got"),
        (Scenes, {"best": SCENE | {"T_world_cpf": [[0.0] * 6] * 2}}, r"T_world_cpf must have shape \(2, 7\)"),
        (
            Scenes,
            {"best": SCENE | {"T_world_cpf": [[0.0] * 7, [0.0]]}},
            "best: Value error, setting an array",
        ),
        (
            RewardReport,
            {"windows": 1, "corruptions": {"jitter": {"pair_accuracy": {"x": 0.5}, "spearman": 0.5}}},
            "could not convert string to float: 'x'",
        ),
        (Calibration, {"weights": "ab"}, "Field required"),
    ],
)
def test_a_record_of_another_kind_is_refused_by_its_name(dataset, held, fault, tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(held))
    with pytest.raises(DatasetError, match=rf"'{path}' is not as it was written: .*{fault}"):
        dataset(str(path)).load()


def test_records_come_back_as_they_were_saved(tmp_path):
    every = dict.fromkeys(("best", "median", "worst"), SCENE)
    for dataset, held in (
        (CandidateList, [CANDIDATE]),
        (Scenes, every),
        (Calibration, {}),
        (RecoveryInputs, {"read": ["walk"], "refused": {"a.csv": "it is empty"}}),
    ):
        record = dataset(str(tmp_path / "record.json"))
        record.save(held)
        assert record.load() == held
        assert json.loads(str(record.preview())) == held
    record = Calibration(str(tmp_path / "bands.json"))
    record.save(calibration().model_dump(mode="json"))
    assert calibration().model_validate(record.load()) == calibration()


def changed(rows: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    """The rows, the last with other values."""
    return [*rows[:-1], rows[-1] | values]


@pytest.mark.parametrize(
    ("dataset", "rows", "fault"),
    [
        (Comparison, [{k: v for k, v in STANDING.items() if k != "mean"}], "column 'mean' is missing"),
        (Comparison, changed([STANDING], mean="[red]"), "mean: Input should be a valid number"),
        (
            Comparison,
            changed([STANDING], mean="1e400"),
            "mean: Value error, a number must be finite, got inf",
        ),
        (Comparison, changed([STANDING], step="x"), "step: Input should be a valid integer"),
        (Comparison, changed([STANDING], metric="speed"), "metric: Value error, there is no metric 'speed'"),
        (RunsComparison, changed([RUN], reference="b"), "it has no row of its reference"),
        (ErrorProfile, PROFILE[:2], "a row of pretrained or post-trained or difference is missing"),
        (ErrorProfile, [*PROFILE, PROFILE[0]], "a row is there twice"),
        (ErrorProfile, [row | {"name": "tail"} for row in PROFILE], "there is no joint 'tail'"),
        (Reliability, BANDS[:1], "a row of calibrated or spread of the samples is missing"),
    ],
)
def test_a_table_of_other_rows_is_refused_by_its_name(dataset, rows, fault, tmp_path):
    path = tmp_path / "table.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    row = "(, row 1)?"
    with pytest.raises(DatasetError, match=rf"'{path}'{row} is not as it was written: {fault}"):
        dataset(str(path)).load()


def test_tables_come_back_as_they_were_saved_and_an_empty_number_is_nan(tmp_path):
    for dataset, rows in ((Comparison, [STANDING]), (ErrorProfile, PROFILE), (Reliability, BANDS)):
        table = dataset(str(tmp_path / "table.csv"))
        data = pd.DataFrame(rows)
        table.save(data)
        held = table.load()[list(data)]
        pd.testing.assert_frame_equal(
            held.replace({np.nan: None}), data.replace({np.nan: None}), check_dtype=False
        )
        assert len(table.preview()["data"]) == len(rows)
    empty = Reliability(str(tmp_path / "empty.csv"))
    empty.save(pd.DataFrame(columns=list(BANDS[0])))
    assert empty.load().empty


def test_what_is_no_table_at_all_is_named(tmp_path):
    path = tmp_path / "table.csv"
    for content, fault in ((b"", "column 'checkpoint' is missing"), (b"\xff", "byte 0 is not UTF-8")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=fault):
            read_table(path, StandingRow)
    path.write_text('checkpoint,"' + "x" * 200_000)
    with pytest.raises(ValueError, match="field larger than field limit"):
        read_table(path, StandingRow)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("dataset", "whole", "change", "fault"),
    [
        (CellScores, SCORE, lambda s: s.pop("rewards"), "rewards: Field required"),
        (CellScores, SCORE, lambda s: s["rewards"].update(position=[1.0]), "reward 'position' has 1 rows"),
        (CellScores, SCORE, lambda s: s["windows"].pop("window"), "column 'window' is missing"),
        (DiversityCells, CELL, lambda s: s["facts"].pop("noise"), r"facts\.noise: Field required"),
        (DiversityCells, CELL, lambda s: s["reward_std"].update(all=[1.0]), "must be of as many pools"),
        (DiversityCells, CELL, lambda s: s["action_variance"].clear(), "must be of the same terms"),
    ],
)
def test_a_measured_cell_of_another_kind_is_refused(dataset, whole, change, fault, tmp_path):
    cell = json.loads(json.dumps(whole))
    (tmp_path / "cell.json").write_text(json.dumps(cell))
    assert dataset(str(tmp_path)).load()["cell"]["windows" if whole is SCORE else "facts"]
    change(cell)
    (tmp_path / "cell.json").write_text(json.dumps(cell))
    with pytest.raises(DatasetError, match=rf"cell\.json' is not as it was written: .*{fault}"):
        dataset(str(tmp_path)).load()


def test_the_log_of_a_post_training_has_what_findings_are_made_of(tmp_path):
    log = PolicyLog(str(tmp_path / "log.jsonl"))
    log.save([{"step": 1, "dropped_share": 0.0}])
    with pytest.raises(
        DatasetError, match=r"log\.jsonl' is not as it was written: no row has 'spread_mm_all'"
    ):
        log.load()
    log.save([{"step": 2, "dropped_share": 0.0, "spread_mm_all": 9.0}])
    assert log.load()["step"].tolist() == [1, 2]
