"""The diversity study on a small scale: one file per cell, each measured once, despite interruptions."""

import json
import shutil

import pandas as pd
import pytest

from tests.pipelines.kedro_project import files, run, succeed

CELLS = 2 * 1 + 3 * 2 + 3 + 3  # without noise; Perlin and white on the main chain; Perlin on the other


@pytest.fixture(scope="module")
def finished(judged_run, tmp_path_factory):
    """The folder of a study without a policy, and what it printed."""
    data = shutil.copytree(judged_run, tmp_path_factory.mktemp("diversity") / "data")
    return data, succeed(data, "diversity")


def cells(data) -> dict:
    return files(data / "07_model_output/smoke/diversity")


def times(data) -> dict[str, int]:
    folder = data / "07_model_output/smoke/diversity"
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def reports(data) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (data / "08_reporting/smoke").glob("diversity_*")}


def test_the_study_ends_with_a_table_a_figure_and_a_verdict(finished):
    data, output = finished
    assert len(cells(data)) == CELLS
    assert set(reports(data)) == {"diversity_evidence.csv", "diversity_figure.json", "diversity_verdict.json"}
    table = pd.read_csv(data / "08_reporting/smoke/diversity_evidence.csv")
    assert len(table.drop_duplicates(["sampler", "latent", "noise", "scope", "amplitude_m"])) == CELLS
    quantities = {
        "spread_mm",
        "reward_std",
        "dropped_share",
        "action_share",
        "gradient_norm",
        "gradient_cosine",
    }
    assert set(table["quantity"]) == quantities
    assert set(table.query("quantity == 'spread_mm'")["of"]) == {"trunk", "arms", "legs", "all"}
    assert {"all", "position", "perceptual"} <= set(table.query("quantity == 'gradient_cosine'")["of"])
    verdict = json.loads((data / "08_reporting/smoke/diversity_verdict.json").read_text())
    assert [set(finding) for finding in verdict] == [{"tone", "text"}] * len(verdict)
    assert "Gradients of two updates agree" in " ".join(output.split())


def test_a_study_that_lost_half_of_its_cells_measures_those_and_ends_with_the_same_bytes(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    folder = data / "07_model_output/smoke/diversity"
    lost = sorted(folder.rglob("*.json"))[::2]
    for path in lost:
        path.unlink()
    before = times(data)
    output = succeed(data, "diversity")
    assert f"{CELLS} cells, {len(lost)} to be measured" in output
    assert {name: t for name, t in times(data).items() if name in before} == before
    assert cells(data) == cells(finished[0])
    assert reports(data) == reports(finished[0])


def test_a_finished_study_measures_nothing(finished):
    data, _ = finished
    before = times(data), reports(data)
    result = run(data, "diversity")
    assert "0 to be measured" in result.output
    assert (times(data), reports(data)) == before


@pytest.mark.soak
def test_another_number_of_pools_is_another_study(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    result = run(data, "diversity", diversity__pools=2)
    assert f"{CELLS} cells, {CELLS} to be measured" in result.output
    table = pd.read_csv(data / "08_reporting/smoke/diversity_evidence.csv")
    assert set(table["pools"]) == {2}


def test_a_policy_that_is_not_there_is_asked_for_in_one_sentence(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    result = run(data, "diversity", diversity__checkpoint="policy")
    assert result.exit_code == 1
    assert "'policy' does not exist yet; make it first: kedro run --pipelines grpo" in result.output


@pytest.mark.soak
def test_the_cells_of_a_policy_stand_beside_those_of_the_pretrained_model(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    shutil.copy(
        data / "06_models/smoke/pretrained_denoiser.safetensors", data / "06_models/smoke/policy.safetensors"
    )
    succeed(data, "diversity", diversity__checkpoint="policy")
    assert len(cells(data)) == 2 * CELLS


def test_without_its_makers_the_study_names_them(tmp_path):
    result = run(tmp_path, "diversity")
    assert result.exit_code == 1
    assert "kedro run --pipelines ingestion,pretraining,reward_model" in result.output


def test_a_table_of_cells_that_are_not_there_is_refused(finished, tmp_path):
    data = shutil.copytree(finished[0], tmp_path / "data")
    shutil.rmtree(data / "07_model_output/smoke/diversity/pretrained_denoiser")
    from click.testing import CliRunner

    from motiongrpo.cli import run as command

    given = ["--env", "smoke", "--pipelines", "diversity", "--tags", "report", "--params", f"data={data}"]
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 1
    assert f"{CELLS} of {CELLS} cells are not measured" in result.output
