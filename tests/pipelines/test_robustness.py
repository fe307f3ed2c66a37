"""The last checkpoints of runs under head paths with faults, as a table."""

import json
import shutil

import pandas as pd
import pytest

from tests.pipelines.kedro_project import run, succeed

FAULTS = ["none", "floor_10cm_up", "floor_10cm_down", "jitter", "gap", "rate_15hz", "all"]


@pytest.fixture(scope="module")
def data(smoke_run, tmp_path_factory):
    return shutil.copytree(smoke_run[0], tmp_path_factory.mktemp("robustness") / "data")


def test_the_last_checkpoints_of_all_runs_stand_in_the_table_under_every_fault(data):
    models = data / "06_models"
    shutil.copytree(models / "smoke/grpo", models / "other/grpo")
    output = succeed(data, "robustness", runs="smoke;other")
    table = pd.read_csv(data / "08_reporting/smoke/robustness_table.csv")
    checkpoints = ["pretraining/step_0000024", "grpo/step_0000006", "other/grpo/step_0000006"]
    assert list(table["checkpoint"].unique()) == checkpoints
    assert list(table["disturbance"].unique()) == FAULTS
    assert list(table["hung_from"].unique()) == ["true head", "told head"]
    assert "pretraining/step_0000024, MPJPE" in " ".join(output.split())
    of_both = table[table["checkpoint"].str.contains("grpo")].drop(columns="checkpoint")
    ours, theirs = of_both[: len(of_both) // 2], of_both[len(of_both) // 2 :]
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True))


def test_the_undisturbed_row_is_the_score_of_evaluation(data):
    succeed(data, "robustness")
    table = pd.read_csv(data / "08_reporting/smoke/robustness_table.csv")
    rows = table.query("checkpoint == 'grpo/step_0000006' and disturbance == 'none' and metric == 'mpjpe_mm'")
    score = json.loads((data / "07_model_output/smoke/scores/grpo/step_0000006.json").read_text())
    values = score["windows"]["mpjpe_mm"]
    assert rows["mean"].tolist() == pytest.approx([sum(values) / len(values)] * 2)


def test_a_run_without_checkpoints_is_told_what_to_run(data, tmp_path):
    left = shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns("06_models"))
    result = run(left, "robustness")
    assert result.exit_code == 1
    assert "there is no checkpoint in" in result.output
    assert "run the pretraining pipeline" in " ".join(result.output.split())


def test_a_fault_of_less_than_nothing_is_refused_before_anything_runs(tmp_path):
    result = run(tmp_path, "robustness", robustness__disturbances__jitter__jitter_m=-1)
    assert result.exit_code == 1
    assert "robustness.disturbances.jitter.jitter_m: input should be greater than" in result.output
