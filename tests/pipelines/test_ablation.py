"""The ablation on a small scale: it runs, resumes, repeats nothing, and remakes what has changed."""

import json
import os
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest

from tests.pipelines.kedro_project import files, run, start, succeed
from tests.pipelines.test_resume import wait_for

PLACES = ("06_models/smoke/ablation", "07_model_output/smoke/ablation", "08_reporting/smoke")


@pytest.fixture(scope="module")
def finished(judged_run, tmp_path_factory) -> Path:
    data = shutil.copytree(judged_run, tmp_path_factory.mktemp("ablation") / "data")
    succeed(data, "ablation")
    return data


def made(data: Path) -> dict[str, bytes]:
    """Checkpoints, scores, logs and reports of the ablation."""
    return {f"{place}/{name}": content for place in PLACES for name, content in files(data / place).items()}


def times(data: Path, place: str) -> dict[str, int]:
    folder = data / place
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*.*")}


def cells_in(names) -> set[str]:
    return {name.split("/")[0] for name in names}


def said(result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_every_cell_has_checkpoints_scores_and_a_log_and_the_table_has_every_cell(finished):
    models, scores, logs = (
        files(finished / place / "ablation" if place.startswith("08") else finished / place)
        for place in PLACES
    )
    assert cells_in(models) == cells_in(logs) == {"joint", "joint_perlin"}
    assert cells_in(scores) == {"pretrained", "joint", "joint_perlin"}
    steps = [Path(name).stem for name in scores if name.startswith("joint/")]
    assert sorted(steps) == ["step_0000001", "step_0000002"]
    for log in logs.values():
        assert [json.loads(line)["step"] for line in log.decode().splitlines()] == [1, 2]
    table = pd.read_csv(finished / "08_reporting/smoke/ablation_table.csv")
    assert table["cell"].unique().tolist() == ["pretrained", "joint", "joint_perlin"]
    assert table["motion"].unique().tolist() == ["held-out", "training"]
    assert {"mpjpe_mm", "foot_sliding_mm_s", "jitter_ratio"} <= set(table["metric"])
    for name in ("ablation_figure", "proxy_gold_figure", "ablation_verdict"):
        assert json.loads((finished / f"08_reporting/smoke/{name}.json").read_text())


def test_what_was_trained_is_judged_on_training_subjects_too_and_in_the_end_alone(finished):
    scores = {n: json.loads(s) for n, s in files(finished / PLACES[1]).items()}
    assert {Path(n).stem for n, s in scores.items() if "training" in s} == {"step_0000000", "step_0000002"}
    held_out, trained_on = subjects(finished, "test"), subjects(finished, "train")
    for score in scores.values():
        assert set(score["windows"]["subject"]) <= held_out
        if "training" in score:
            assert set(score["training"]["windows"]["subject"]) <= trained_on
            assert len(score["training"]["windows"]["mpjpe_mm"]) == 6


def subjects(data: Path, split: str) -> set[str]:
    windows = pd.read_csv(data / "05_model_input/smoke/windows.csv", dtype={"subject": str})
    return set(windows[windows["split"] == split]["subject"])


def test_all_cells_are_judged_from_the_same_noise(finished):
    """The pretrained model's score differs from that of a cell only by the weights."""
    table = pd.read_csv(finished / "08_reporting/smoke/ablation_table.csv").query(
        "metric == 'mpjpe_mm' and motion == 'held-out'"
    )
    assert (table["difference"].abs() < 1.0).all()
    assert (table["high"] - table["low"] > 10.0).all()


def test_a_second_run_trains_and_scores_nothing_and_tells_the_verdict(finished):
    before = made(finished), times(finished, PLACES[0]), times(finished, PLACES[1])
    output = said(run(finished, "ablation"))
    assert (made(finished), times(finished, PLACES[0]), times(finished, PLACES[1])) == before
    assert "GRPO as joint_perlin" in output


def test_half_of_the_cells_lost_is_half_of_the_work(finished, tmp_path):
    data = shutil.copytree(finished, tmp_path / "data")
    for place in PLACES[:2]:
        shutil.rmtree(data / place / "joint_perlin")
    before = times(data, PLACES[0])
    succeed(data, "ablation")
    assert made(data) == made(finished)
    after = times(data, PLACES[0])
    assert cells_in(name for name in after if after[name] != before.get(name)) == {"joint_perlin"}


@pytest.mark.soak
def test_kill_9_in_the_middle_of_a_cell_costs_nothing_but_time(finished, tmp_path):
    long = {"ablation__full__updates": 16, "ablation__only": "[joint]", "grpo__advantage__drop_below": 0}
    unbroken, killed = (shutil.copytree(finished, tmp_path / name) for name in ("unbroken", "killed"))
    said(run(unbroken, "ablation", **long))
    (new,) = (name for name in made(unbroken) if name.endswith("step_0000016.safetensors"))
    process = start(killed, "ablation", **long)
    wait_for(killed / Path(new).parent / "step_0000002.safetensors", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / Path(new).parent / "COMPLETE").exists()
    said(run(killed, "ablation", **long))
    assert made(killed) == made(unbroken)


def test_a_cell_that_cannot_go_on_is_named(finished, tmp_path):
    data = shutil.copytree(finished, tmp_path / "data")
    (state,) = (data / PLACES[0] / "joint").rglob("training_state.safetensors")
    state.write_bytes(b"not whole")
    (state.parent / "COMPLETE").unlink()
    result = run(data, "ablation")
    assert result.exit_code == 1
    assert "ablation cell joint under seed 0: " in result.output
    assert "is not a whole safetensors file" in result.output


def test_a_changed_parameter_makes_its_cells_again_and_says_which_parameter(finished, tmp_path):
    data = shutil.copytree(finished, tmp_path / "data")
    before = times(data, PLACES[0])
    change = {"ablation__cells__joint_perlin__changes__rollout__noise__amplitude_m": 0.05}
    output = said(run(data, "ablation", **change))
    assert "joint_perlin under seed 0, made again" in output
    assert "joint_perlin.rollout.noise.amplitude_m was 0.02, is 0.05" in output
    after = times(data, PLACES[0])
    assert {name: after[name] for name in before} == before
    assert cells_in(after.keys() - before.keys()) == {"joint_perlin"}
    again = said(run(data, "ablation"))
    assert "3 cells and seeds, 3 finished before" in again
    assert made(data).items() >= made(finished).items()


def test_another_way_of_judging_scores_again_and_trains_nothing(finished, tmp_path):
    data = shutil.copytree(finished, tmp_path / "data")
    trained, scored = times(data, PLACES[0]), times(data, PLACES[1])
    succeed(data, "ablation", evaluation__seed=7)
    assert times(data, PLACES[0]) == trained
    after = times(data, PLACES[1])
    assert all(after[name] != scored[name] for name in scored)


CONTROLS = ["supervised", "continued_pretraining", "best_of_8", "mean_of_8", "oracle_of_8", "egoallo_sampler"]
CONTROLS += ["constant_upright", "constant_hung"]


@pytest.mark.parametrize("control", CONTROLS)
def test_every_control_runs(control, finished, tmp_path):
    data = shutil.copytree(finished, tmp_path / "data")
    said(run(data, "ablation", ablation__only=f"[{control}]"))
    table = pd.read_csv(data / "08_reporting/smoke/ablation_table.csv")
    assert table["cell"].unique().tolist() == ["pretrained", control]
    assert table[table["cell"] == control]["mean"].notna().any()


REFUSALS = [
    (
        {"ablation__cells__joint__changes__rollout__noise__knid": "white"},
        "ablation.cells.joint.changes.rollout.noise: 'knid' is not a parameter of NoiseConfig",
    ),
    ({"ablation__quik": "true"}, "'quik' is not a parameter of AblationConfig; did you mean 'quick'?"),
    ({"ablation__only": "[joitn]"}, "'joitn' is not a cell of the ablation; did you mean 'joint'?"),
    ({"ablation__cells__supervised__batch_sise": 3}, "did you mean 'batch_size'?"),
]


@pytest.mark.parametrize(("params", "sentence"), REFUSALS)
def test_a_misspelt_override_is_refused_by_name_before_anything_runs(params, sentence, tmp_path):
    result = run(tmp_path, "ablation", **params)
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_the_ablation_needs_is_named_with_the_pipelines_that_make_it(tmp_path):
    result = run(tmp_path, "ablation")
    assert result.exit_code == 1
    assert "kedro run --pipelines ingestion,pretraining,reward_model" in result.output
