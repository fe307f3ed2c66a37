"""Motion on which the models of another run are evaluated: any source's test motion, RICH, and omissions."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.motion.rigs import cmu_take
from tests.motion.sources.raw_folders import rich_tree
from tests.pipelines.kedro_project import files, run, succeed

FINAL = {"smoke/pretraining/step_0000024", "smoke/grpo/step_0000006"}
CONSTANT = {"baselines/constant_upright", "baselines/constant_hung"}
MADE = ["report.html", "runs.html", "comparison_figure.json", "motion_figure.png"]
CLIPS = [f"{rank}_clip.{kind}" for rank in ("best", "median", "worst") for kind in ("mp4", "gif")]


@pytest.fixture
def data(smoke_run, tmp_path) -> Path:
    """A copy of a whole run to evaluate."""
    return shutil.copytree(smoke_run[0], tmp_path / "data")


def loaded(data: Path, name: str, run_name: str, layer: str = "08_reporting"):
    return json.loads((data / layer / run_name / name).read_text(encoding="utf-8"))


def of_smoke(data: Path) -> dict[str, int]:
    """The files of the run that is evaluated, with a digest of each."""
    return {name: hash(content) for name, content in files(data).items() if name.split("/")[1] == "smoke"}


def compared(data: Path, run_name: str) -> set[str]:
    return set(pd.read_csv(data / "08_reporting" / run_name / "comparison.csv")["checkpoint"])


def splits(data: Path, run_name: str) -> set[str]:
    return set(pd.read_csv(data / "05_model_input" / run_name / "windows.csv")["split"])


def assert_reported(data: Path, run_name: str) -> None:
    """Assert that the report names both runs, of the models and of the motion, and has figures and clips."""
    folder = data / "08_reporting" / run_name
    assert [name for name in (*MADE, *CLIPS) if not (folder / name).is_file()] == []
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "those of run <strong>smoke</strong>, judged on the test motion of run" in page
    assert f"<strong>{run_name}</strong>: results" in page


def test_test_motion_alone_judges_the_models_of_another_run(data):
    before = of_smoke(data)
    only = {"ingestion__splits__only": "test", "ingestion__synthetic__seed": 99}
    succeed(data, "ingestion", run="hold", ingestion__synthetic__clips=4, **only)
    assert splits(data, "hold") == {"test"}
    said = " ".join(succeed(data, "evaluation,reporting", runs="hold;smoke").split())
    assert "run 'hold' has no trainings: the models of 'smoke' are judged on its motion" in said
    assert "the constant pose is the mean of the training motion of run 'smoke'" in said
    assert "Models of run smoke, judged on the motion of run hold:" in said
    assert_reported(data, "hold")
    assert {*FINAL, *CONSTANT} < compared(data, "hold")
    assert "constant_upright" in said
    for name, layer in {"reward_report.json": "08_reporting", "grpo_log.jsonl": "08_reporting"}.items():
        assert not (data / layer / "hold" / name).exists()
    theirs = loaded(data, "band_calibration.json", "smoke", "07_model_output")
    assert loaded(data, "band_calibration.json", "hold", "07_model_output") == theirs
    assert len(pd.read_csv(data / "08_reporting/hold/band_reliability.csv"))
    assert of_smoke(data) == before


@pytest.mark.soak
def test_rich_judges_a_run_of_which_only_the_models_are_left(data, tmp_path):
    """As in the documentation; what needs the motion of smoke is left out, with a message."""
    rich_tree(tmp_path / "rich", "BBQ_001_guitar", "001", range(40))
    raw = {"ingestion__source": "rich", "data_root": str(tmp_path / "rich")}
    succeed(data, "ingestion", run="rich", **raw)
    shutil.rmtree(data / "02_intermediate/smoke")
    (data / "07_model_output/smoke/band_calibration.json").unlink()
    said = " ".join(succeed(data, "evaluation", runs="rich;smoke").split())
    assert "no constant pose is scored: there is no training motion" in said
    assert "bands are not calibrated: there is no validation motion" in said
    succeed(data, "reporting", runs="rich;smoke")
    assert_reported(data, "rich")
    assert compared(data, "rich") & {*FINAL, *CONSTANT} == FINAL


def test_only_test_makes_a_store_to_judge_by_of_motion_capture_too(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/07_01.bvh").write_text(cmu_take())
    given = {"ingestion__source": "mocap", "data_root": tmp_path / "raw", "ingestion__splits__only": "test"}
    succeed(tmp_path / "data", "ingestion", run="hold", ingestion__splits__test_subjects="[nobody]", **given)
    assert splits(tmp_path / "data", "hold") == {"test"}


def test_a_run_whose_trainings_have_not_ended_cannot_be_judged_yet_and_is_named(data):
    for layer in ("02_intermediate", "05_model_input"):
        shutil.copytree(data / layer / "smoke", data / layer / "hold")
    (data / "06_models/smoke/policy.safetensors").unlink()
    result = run(data, "reporting", runs="hold;smoke")
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert "run 'hold' has no trainings, and 'smoke', the first of runs that has any, lacks 'policy'" in last
    assert last.endswith("kedro run --pipelines grpo --params run=smoke")


def test_a_command_that_trains_works_on_its_own_run_alone(data):
    for layer in ("02_intermediate", "05_model_input"):
        shutil.copytree(data / layer / "smoke", data / layer / "hold")
    result = run(data, "grpo", runs="hold;smoke")
    assert result.exit_code == 1
    assert "'pretrained_denoiser' and 'reward_model' do not exist yet" in " ".join(result.output.split())
