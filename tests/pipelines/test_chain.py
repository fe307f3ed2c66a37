"""The whole chain on a small scale, once, and the effects of a second command."""

import json
import shutil

import pandas as pd
import pytest

from tests.pipelines.kedro_project import run, succeed


@pytest.fixture(scope="module")
def finished(smoke_run):
    """The folder of a whole smoke run, and what it printed."""
    return smoke_run


def scores(data) -> dict[str, float]:
    folder = data / "07_model_output" / "smoke" / "scores"
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def models(data) -> dict[str, float]:
    folder = data / "06_models" / "smoke"
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.*")}


def test_the_chain_ends_with_the_comparison(finished):
    data, output = finished
    assert "Pretrained and post-trained on held-out subjects" in output
    assert "mpjpe_mm" in output
    page = output.strip().splitlines()[-1].removeprefix("Report: ")
    assert page == str(data / "08_reporting/smoke/report.html")
    assert "</html>" in (data / "08_reporting/smoke/report.html").read_text()


def test_every_checkpoint_has_a_score(finished):
    data, _ = finished
    found = {
        f"{p.parent.name}/{p.stem}.json" for p in (data / "06_models/smoke").glob("[pg]r*/step_*.safetensors")
    }
    assert len(found) == 6
    baselines = {f"baselines/{name}.json" for name in ("constant_upright", "constant_hung", "mean_of_8")}
    assert set(scores(data)) == found | baselines


def test_logs_hold_every_step_once(finished):
    data, _ = finished
    for name, count in {"pretraining_log": 24, "reward_log": 12, "grpo_log": 6, "diversity_log": 6}.items():
        lines = (data / "08_reporting" / "smoke" / f"{name}.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == list(range(1, count + 1))


def test_the_diversity_log_holds_the_evidence(finished):
    data, _ = finished
    lines = (data / "08_reporting/smoke/diversity_log.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    assert row["spread_mm_all"] > 0
    assert {"reward_std_position", "reward_std_perceptual", "dropped_share", "gradient_norm"} <= set(row)
    assert "kl_per_dim" in row
    (level, *_) = [name.removeprefix("level_kl_nats_") for name in row if name.startswith("level_kl_nats_")]
    by_level = ("rho_squared", "kl_nats", "clipped_low", "clipped_high")
    assert {f"level_{name}_{level}" for name in by_level} <= set(row)
    assert f"evidence_level_cosine_{level}" in row
    look = {"gradient_cosine", "condition_variance_position", "action_variance_position"}
    for line, looked in zip(lines, [True, False, True, False, True, False], strict=True):
        assert ({f"evidence_{name}" for name in look} <= set(json.loads(line))) == looked


@pytest.mark.filterwarnings("ignore:Option '--pipeline' is deprecated")
def test_grpo_alone_runs_after_the_others_under_both_spellings(finished, tmp_path):
    from click.testing import CliRunner

    from motiongrpo.cli import run as command

    data = shutil.copytree(finished[0], tmp_path / "data")
    shutil.rmtree(data / "06_models/smoke/grpo")
    (data / "06_models/smoke/policy.safetensors").unlink()
    succeed(data, "grpo")
    assert (data / "06_models/smoke/policy.safetensors").is_file()
    shutil.rmtree(data / "06_models/smoke/grpo")
    given = ["--env", "smoke", "--pipeline", "grpo", "--params", f"data={data}"]
    alias = CliRunner().invoke(command, given)
    assert alias.exit_code == 0, alias.output


def test_a_second_evaluation_scores_nothing_and_trains_nothing(finished):
    data, _ = finished
    before = scores(data), models(data)
    output = succeed(data, "evaluation")
    assert (scores(data), models(data)) == before
    assert "Pretrained and post-trained" in output


def test_one_more_checkpoint_is_the_only_one_scored(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    folder = data / "06_models/smoke/grpo"
    shutil.copy(folder / "step_0000002.safetensors", folder / "step_0000003.safetensors")
    before, trained = scores(data), models(data)
    succeed(data, "evaluation")
    after = scores(data)
    assert {name for name in after if after[name] != before.get(name)} == {"grpo/step_0000003.json"}
    assert models(data) == trained


def test_another_protocol_scores_everything_again(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    before = scores(data)
    succeed(data, "evaluation", evaluation__seed=7)
    after = scores(data)
    assert all(after[name] != before[name] for name in before)


def test_running_the_chain_again_changes_no_model_and_no_score(finished):
    data, _ = finished
    weights = {path: path.read_bytes() for path in (data / "06_models/smoke").rglob("*.safetensors")}
    scored = scores(data)
    succeed(data, "")
    assert {path: path.read_bytes() for path in weights} == weights
    assert scores(data) == scored


def test_other_parameters_under_the_same_name_are_refused_and_named(finished):
    data, _ = finished
    result = run(data, "grpo", grpo__surrogate__clip_shift=0.25)
    assert result.exit_code == 1
    assert "grpo.surrogate.clip_shift was 0.1, is 0.25" in result.output
    assert "--params run=NAME" in result.output


def test_a_longer_training_goes_on_where_the_shorter_one_ended(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    succeed(data, "grpo", grpo__updates=8)
    steps = sorted(path.stem for path in (data / "06_models/smoke/grpo").glob("step_*"))
    assert steps[-1] == "step_0000008"
    shorter = run(data, "grpo", grpo__updates=4)
    assert shorter.exit_code == 1
    assert "already holds 8 steps of grpo, more than the 4 asked for" in shorter.output


def test_clips_of_windows_that_were_not_scored_are_refused_in_one_sentence(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    before = (data / "08_reporting/smoke/median_clip.gif").read_bytes()
    result = run(data, "reporting", evaluation__windows=4)
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith(
        "Error: the pretrained model was scored on 8 windows that are not the 4 held-out ones"
    )
    assert last.endswith("run the evaluation pipeline")
    assert (data / "08_reporting/smoke/median_clip.gif").read_bytes() == before


def test_the_error_profile_is_the_comparison_taken_apart(finished):
    """Reporting draws the samples again; they must be those that were scored."""
    folder = finished[0] / "08_reporting/smoke"
    profile = pd.read_csv(folder / "error_profile.csv").query("by == 'joint'")
    table = pd.read_csv(folder / "comparison.csv").query("metric == 'mpjpe_mm'").set_index("checkpoint")
    means = profile.groupby("model")["mean"].mean()
    last = {"pretrained": "pretraining/step_0000024", "post-trained": "grpo/step_0000006"}
    for model, checkpoint in last.items():
        assert means[model] == pytest.approx(table.loc[checkpoint, "mean"], rel=1e-6)
    assert means["difference"] == pytest.approx(table.loc[last["post-trained"], "difference"], abs=1e-3)
