"""What evaluation scores and what it keeps: new checkpoints, stale scores, checkpoints from elsewhere."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from motiongrpo.base.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, write_egoallo
from motiongrpo.metrics.bands import BandCalibration
from motiongrpo.pipelines.evaluation.calibrating import NO_MODEL, NO_VALIDATION
from tests.denoisers import small
from tests.pipelines.kedro_project import run, succeed

OWN = 6  # checkpoints of a smoke run
BESIDE = ["baselines/constant_upright", "baselines/constant_hung", "baselines/mean_of_8"]


@pytest.fixture
def data(smoke_run, tmp_path):
    """A copy of a whole run to change."""
    return shutil.copytree(smoke_run[0], tmp_path / "data")


def evaluated(data: Path, stages: str = "evaluation", **params: object) -> str:
    """The output of the run, as one line."""
    return " ".join(succeed(data, stages, **params).split())


def refused(data: Path, **params: object) -> str:
    result = run(data, "evaluation", **params)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    return result.output.strip().splitlines()[-1]


def others(data: Path) -> Path:
    folder = data / "06_models/smoke/others"
    folder.mkdir(exist_ok=True)
    return folder


def score_files(data: Path, name: str = "smoke") -> dict[str, int]:
    folder = data / "07_model_output" / name / "scores"
    return {
        p.relative_to(folder).with_suffix("").as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*.json")
    }


def table(data: Path, file: str = "comparison.csv", name: str = "smoke") -> pd.DataFrame:
    rows = pd.read_csv(data / "08_reporting" / name / file)
    return rows[rows["metric"] == "mpjpe_mm"].set_index("checkpoint")


def policy(data: Path) -> Path:
    return data / "06_models/smoke/policy.safetensors"


def test_a_second_evaluation_says_that_there_is_nothing_to_do(data):
    before = score_files(data)
    assert "6 checkpoints and 3 baselines found, all with a current score: nothing to do" in evaluated(data)
    assert score_files(data) == before


def test_force_scores_everything_again_to_the_same_numbers(data):
    before, numbers = score_files(data), table(data)
    assert "9 to be scored" in evaluated(data, evaluation__force="true")
    assert all(after != before[name] for name, after in score_files(data).items())
    pd.testing.assert_frame_equal(table(data), numbers)


def test_a_changed_parameter_makes_scores_stale_and_is_named(data):
    said = evaluated(data, evaluation__samples=3)
    assert "9 to be scored" in said
    assert "scored anew, stale (evaluation.samples was 2, is 3): pretraining/step_0000008," in said


def test_over_people_everybody_has_equally_many_of_the_windows_that_are_scored(data):
    assert "evaluation.spread was sequences, is people" in evaluated(data, evaluation__spread="people")
    score = json.loads((data / "07_model_output/smoke/scores/grpo/step_0000006.json").read_text())
    of_each = pd.Series(score["windows"]["subject"]).value_counts()
    assert of_each.sum() == 8
    assert of_each.max() - of_each.min() <= 1


def test_one_source_of_motion_has_the_numbers_of_the_whole(data):
    columns = ["mean", "low", "high", "difference_low", "windows", "subjects", "resampled"]
    one = table(data, "comparison_by_source.csv")
    assert set(one["source"]) == {"synthetic"}
    baselines = {f"baselines/{name}" for name in ("constant_upright", "constant_hung", "mean_of_8")}
    assert set(one.index) == {"pretraining/step_0000024", "grpo/step_0000006", *baselines}
    pd.testing.assert_frame_equal(one[columns], table(data).loc[one.index, columns])


def test_other_code_makes_scores_stale(data, monkeypatch):
    monkeypatch.setattr("motiongrpo.metrics.standing.VERSION", 2)
    assert "stale (the code was version 1, is 2)" in evaluated(data)
    assert "nothing to do" in evaluated(data)


def test_scores_of_two_protocols_are_never_mixed_and_are_told_apart(data):
    """As after an evaluation that was killed half-way: the pretrained score is current, another is not."""
    path = data / "07_model_output/smoke/scores/grpo/step_0000004.json"
    old = path.read_bytes()
    evaluated(data, evaluation__samples=3)
    path.write_bytes(old)
    said = evaluated(data, "reporting", evaluation__samples=3)
    assert "not scored as of now, stale (evaluation.samples was 2, is 3): grpo/step_0000004" in said
    rows = table(data)
    assert rows.loc["grpo/step_0000004", "standing"] == "stale (evaluation.samples was 2, is 3)"
    assert rows["difference"].isna().to_dict() == {name: name == "grpo/step_0000004" for name in rows.index}
    assert rows.loc["grpo/step_0000004", "mean"] > 0
    assert rows.drop("grpo/step_0000004")["standing"].eq("current").all()
    findings = json.loads((data / "08_reporting/smoke/findings.json").read_text())
    assert "a constant pose" in findings[0]["text"]
    assert findings[1]["tone"] == "warning"
    assert "stale (evaluation.samples was 2, is 3): grpo/step_0000004" in findings[1]["text"]


def test_reporting_reflects_what_is_on_disk(data):
    """Scores that were added or removed since the last evaluation change the comparison."""
    (data / "06_models/smoke/grpo/step_0000002.safetensors").unlink()
    said = evaluated(data, "reporting")
    assert "not scored as of now, its checkpoint is gone: grpo/step_0000002" in said
    assert "grpo/step_0000002" not in table(data).index
    (data / "07_model_output/smoke/scores/grpo/step_0000004.json").unlink()
    assert "no score yet: grpo/step_0000004" in evaluated(data, "reporting")
    assert set(table(data).index) == {
        *(f"pretraining/step_00000{step}" for step in ("08", "16", "24")),
        "grpo/step_0000006",
        *BESIDE,
    }


def test_checkpoints_from_elsewhere_are_scored_like_ours_under_their_own_names(data):
    shutil.copy(policy(data), others(data) / "copied.safetensors")
    torch.manual_seed(0)
    config = small(include_hands=True, cond_param="absrel", noise_conditioning="film")
    write_egoallo(EgoAlloModel(config, Denoiser(config).state_dict()), others(data) / "theirs", 3_000_000)
    (others(data) / ".hidden").write_text("is nobody's business")
    before = score_files(data)
    said = evaluated(data)
    assert "8 checkpoints and 3 baselines found, 2 to be scored" in said
    assert score_files(data).keys() - before.keys() == {"others/copied", "others/theirs"}
    assert before.items() <= score_files(data).items()
    rows = table(data)
    same = rows.loc[["others/copied", "grpo/step_0000006"], ["mean", "low", "high", "difference"]]
    assert same.iloc[0].equals(same.iloc[1])
    assert rows.loc["others/theirs", ["stage", "step"]].tolist() == ["others", 3_000_000]
    assert rows.loc["pretraining/step_0000024", "difference"] == 0  # still the reference
    assert "smoke, theirs" in said
    assert "smoke, copied" in (data / "08_reporting/smoke/runs.html").read_text()
    assert "nothing to do" in evaluated(data)


def test_weights_that_change_under_one_name_are_scored_again(data):
    path = others(data) / "x.safetensors"
    shutil.copy(policy(data), path)
    evaluated(data)
    shutil.copy(data / "06_models/smoke/pretrained_denoiser.safetensors", path)
    said = evaluated(data)
    assert "7 checkpoints and 3 baselines found, 1 to be scored" in said
    assert "scored anew, stale (other weights): others/x" in said


def damaged(path: Path) -> None:
    """The checkpoint with one bit of one weight changed."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def of_other_shapes(path: Path) -> None:
    checkpoint = load_checkpoint(path, "denoiser")
    save_checkpoint(
        Checkpoint(checkpoint.header, checkpoint.tensors | {"noise_emb.weight": torch.zeros(2, 2)}), path
    )


def of_another_kind(path: Path) -> None:
    shutil.copy(path.parents[1] / "reward_model.safetensors", path)


def of_another_architecture(path: Path) -> None:
    checkpoint = load_checkpoint(path, "denoiser")
    architecture = checkpoint.header.architecture | {"wings": 2}
    header = checkpoint.header.model_copy(update={"architecture": architecture})
    save_checkpoint(Checkpoint(header, checkpoint.tensors), path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (damaged, "is damaged: its weights are not those of its header; restore it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is not a whole safetensors file"),
        (of_other_shapes, "tensors of another shape than its configuration asks for: 'noise_emb.weight"),
        (of_another_architecture, "otherwise than this version of the code ('wings' is not a parameter of"),
        (
            lambda path: shutil.copy(path.parents[1] / "reward_model.safetensors", path),
            "is a reward_model checkpoint",
        ),
        (lambda path: path.rename(path.with_suffix(".pt")), "is no checkpoint that can be scored"),
        (lambda path: (path.unlink(), path.mkdir()), "there is no EgoAllo checkpoint in"),
    ],
    ids=["bit", "cut", "shapes", "architecture", "kind", "suffix", "folder"],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence_that_names_it(spoil, sentence, data):
    path = others(data) / "bad.safetensors"
    shutil.copy(policy(data), path)
    spoil(path)
    before = score_files(data)
    last = refused(data)
    assert sentence in last
    assert "others/bad." in last
    assert score_files(data) == before


def test_two_checkpoints_of_one_name_are_refused(data):
    shutil.copy(policy(data), others(data) / "x.safetensors")
    config = small()
    write_egoallo(EgoAlloModel(config, Denoiser(config).state_dict()), others(data) / "x", 1)
    assert "would have one name, others/x: rename one" in refused(data)


def copied_run(data: Path, name: str) -> None:
    for folder in data.iterdir():
        shutil.copytree(folder / "smoke", folder / name)


def test_runs_measured_alike_are_compared_without_scoring_anything(data):
    copied_run(data, "twin")
    before = score_files(data)
    said = evaluated(data, "evaluation", runs="smoke;twin")
    assert f"{2 * OWN} checkpoints and 3 baselines found, all with a current score: nothing to do" in said
    assert score_files(data) == before
    rows = table(data, "runs_comparison.csv")
    assert rows["run"].to_dict() == {
        "pretraining/step_0000024": "smoke",
        "grpo/step_0000006": "smoke",
        "twin/pretraining/step_0000024": "twin",
        "twin/grpo/step_0000006": "twin",
    }
    assert set(rows["reference"]) == {"grpo/step_0000006"}
    assert rows.loc["twin/grpo/step_0000006", ["difference", "difference_low"]].tolist() == [0, 0]
    assert rows["paired_windows"].eq(rows["windows"]).all()
    assert "twin, post-trained 6" in said
    assert not any(name.startswith("twin/") for name in table(data).index)


def test_the_first_of_the_runs_is_the_one_the_command_is_about(data):
    copied_run(data, "twin")
    evaluated(data, "evaluation", runs="twin;smoke")
    assert table(data, "runs_comparison.csv", "twin")["run"].tolist() == ["twin", "twin", "smoke", "smoke"]
    assert set(table(data, "runs_comparison.csv")["run"]) == {"smoke"}


@pytest.mark.soak
def test_a_run_drawn_otherwise_is_compared_with_a_warning_until_it_is_scored_here(data):
    copied_run(data, "twin")
    evaluated(data, run="twin", evaluation__samples=3)
    theirs = score_files(data, "twin")
    said = evaluated(data, "reporting", runs="smoke;twin")
    assert "measured otherwise (evaluation.samples was 3, is 2): twin/pretraining/step_0000008" in said
    rows = table(data, "runs_comparison.csv")
    assert rows.loc["twin/grpo/step_0000006", "protocol"] == "evaluation.samples was 2, is 3"
    assert rows["difference"].notna().all()  # the windows are the same
    page = (data / "08_reporting/smoke/runs.html").read_text()
    assert "twin, post-trained 6 was measured otherwise than smoke, post-trained 6" in " ".join(page.split())
    assert f"{2 * OWN} checkpoints and 3 baselines found, {OWN} to be scored" in evaluated(
        data, runs="smoke;twin"
    )
    assert score_files(data, "twin") == theirs
    assert "twin/grpo/step_0000006" in score_files(data)
    assert table(data, "runs_comparison.csv")["protocol"].eq("same").all()


def test_a_run_of_test_motion_alone_scores_the_checkpoints_of_others(data):
    """Like a store of RICH, it has motion on which nothing was trained."""
    motion = {"ingestion__synthetic__seed": 99, "run": "held"}
    succeed(data, "ingestion", **motion)
    assert "name runs that have some" in refused(data, run="held")
    said = evaluated(data, runs="held;smoke")
    assert f"{OWN} checkpoints and 3 baselines found, {OWN + 3} to be scored" in said
    theirs = score_files(data).keys() - BESIDE
    assert score_files(data, "held").keys() == {*BESIDE, *(f"smoke/{name}" for name in theirs)}
    rows = table(data, name="held")
    assert rows.loc["smoke/pretraining/step_0000024", "difference"] == 0
    assert rows["mean"].iloc[0] != table(data)["mean"].iloc[0]
    assert "Pretrained and post-trained on held-out subjects" in said


@pytest.mark.soak
def test_motion_of_another_run_has_no_paired_difference(data):
    copied_run(data, "other")
    shutil.rmtree(data / "02_intermediate/other")
    succeed(data, "ingestion,evaluation", run="other", ingestion__synthetic__seed=99)
    evaluated(data, "reporting", runs="smoke;other")
    rows = table(data, "runs_comparison.csv")
    of_other = rows[rows["run"] == "other"]
    assert of_other["difference"].isna().all()
    assert of_other["mean"].notna().all()
    assert of_other["protocol"].str.contains("other held out windows; other motion").all()


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ("smoke;smokee", "runs names 'smokee', but"),
        ("smoke;../x", "parameter runs: string should match pattern"),
        ("smoke;", "parameter runs: string should match pattern"),
    ],
)
def test_a_run_that_is_not_there_is_named(runs, sentence, data):
    last = refused(data, runs=runs)
    assert sentence in last
    if "smokee" in runs:
        assert "did you mean 'smoke'?" in last


def test_a_score_file_says_how_it_was_measured(smoke_run):
    score = json.loads((smoke_run[0] / "07_model_output/smoke/scores/grpo/step_0000006.json").read_text())
    assert re.fullmatch("[0-9a-f]{16}", score["measured"]["inputs"]["motion"])
    assert score["measured"]["parameters"]["samples"] == 2
    assert score["measured"]["version"] >= 1
    assert score["run"] == "smoke"


def test_baselines_are_compared_with_the_pretrained_model_and_end_the_run(smoke_run):
    data, said = smoke_run
    rows = table(data)
    assert rows.loc[BESIDE, "stage"].eq("baselines").all()
    assert rows.loc[BESIDE, ["difference", "paired_windows"]].notna().all(axis=None)
    assert said.index("Pretrained and post-trained") < said.index("constant_upright") < said.index("Report:")
    whole = pd.read_csv(data / "08_reporting/smoke/comparison.csv").set_index(["checkpoint", "metric"])[
        "mean"
    ]
    for name in BESIDE[:2]:
        assert whole[name, "amplitude_ratio"] == pytest.approx(0, abs=1e-3)
        assert whole[name, "best_of_k_mpjpe_mm"] == pytest.approx(whole[name, "mpjpe_mm"])
    assert (
        whole[BESIDE[2], "pairwise_diversity_mm"] < whole["pretraining/step_0000024", "pairwise_diversity_mm"]
    )


def test_a_run_that_wants_no_baselines_has_none_and_does_not_miss_them(data):
    said = evaluated(data, "evaluation,reporting", evaluation__baselines="false")
    assert f"{OWN} checkpoints found, all with a current score: nothing to do" in said
    assert "not scored as of now" not in said
    assert not set(BESIDE) & set(table(data).index)
    assert "a constant pose" not in (data / "08_reporting/smoke/report.html").read_text()


def test_bands_are_those_of_the_policy_on_validation_motion_and_are_checked_on_test_motion(data):
    record = json.loads((data / "07_model_output/smoke/band_calibration.json").read_text())
    calibration = BandCalibration.model_validate(record)
    assert calibration.weights == load_checkpoint(policy(data), "denoiser").header.weights
    assert (calibration.samples, calibration.stretches) == (2, 6)
    table = pd.read_csv(data / "08_reporting/smoke/band_reliability.csv", dtype={"name": str})
    windows = pd.read_csv(data / "05_model_input/smoke/windows.csv", dtype={"subject": str})
    people = {split: set(rows["subject"]) for split, rows in windows.groupby("split")}
    assert calibration.people == len(people["validation"])
    assert set(table.query("by == 'person'")["name"]) == people["test"]
    assert table["inside"].between(0, 1).all()


def test_without_a_policy_bands_are_those_of_the_pretrained_model(data):
    shutil.rmtree(data / "06_models/smoke/grpo")
    evaluated(data)
    record = json.loads((data / "07_model_output/smoke/band_calibration.json").read_text())
    pretrained = data / "06_models/smoke/pretrained_denoiser.safetensors"
    assert record["weights"] == load_checkpoint(pretrained, "denoiser").header.weights


def test_a_store_without_validation_motion_is_judged_and_has_no_bands(data):
    path = data / "05_model_input/smoke/windows.csv"
    windows = pd.read_csv(path, dtype={"subject": str})
    windows[windows["split"] == "test"].to_csv(path, index=False)
    (data / "07_model_output/smoke/band_calibration.json").unlink(missing_ok=True)
    assert " ".join(NO_VALIDATION.split()) in evaluated(data)
    assert json.loads((data / "07_model_output/smoke/band_calibration.json").read_text()) == {}
    assert pd.read_csv(data / "08_reporting/smoke/band_reliability.csv").empty


def test_a_run_that_has_no_model_of_its_own_has_no_bands(data):
    for training in ("grpo", "pretraining"):
        shutil.rmtree(data / f"06_models/smoke/{training}")
    shutil.copy(policy(data), others(data))
    assert NO_MODEL in evaluated(data)


def test_last_checkpoints_are_scored_with_guidance_too_where_that_is_wanted_and_end_the_run(data):
    said = evaluated(data, evaluation__guidance__enabled="true")
    assert f"{OWN} checkpoints and 3 baselines, 2 with guidance, found, 2 to be scored" in said
    assert said.index("With guidance") < said.index("Without any training")
    rows = table(data)
    guided = rows.loc[["guided/pretrained_denoiser", "guided/policy"]]
    assert guided["stage"].eq("guided").all()
    assert guided[["difference", "paired_windows"]].notna().all(axis=None)
    assert guided["mean"].ne(rows.loc["pretraining/step_0000024", "mean"]).all()
