"""Post-training by command with a perceptual model that follows the policy."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.pipelines.kedro_project import run, start, succeed
from tests.pipelines.test_resume import STATE, models, wait_for, without

ONLINE = {"grpo__rewards__online": "true", "grpo__updates": 9, "grpo__checkpoint_every": 1}


@pytest.fixture(scope="module")
def unbroken(judged_run, tmp_path_factory) -> Path:
    data = shutil.copytree(judged_run, tmp_path_factory.mktemp("unbroken") / "data")
    succeed(data, "grpo", **ONLINE)
    return data


def log(data: Path) -> list[dict]:
    return [json.loads(row) for row in (data / "08_reporting/smoke/grpo_log.jsonl").read_text().splitlines()]


def test_every_update_says_which_version_judged_it(unbroken):
    assert [row["perceptual_version"] for row in log(unbroken)] == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert ["refresh_loss" in row for row in log(unbroken)] == [step in (3, 5, 7, 9) for step in range(1, 10)]


def test_the_state_holds_the_perceptual_model_and_the_policy_does_not(unbroken):
    folder = unbroken / "06_models/smoke"
    with safe_open(folder / "grpo" / STATE, framework="pt") as state:
        assert {"perceptual.steps", "perceptual.model.calibration", "steps"} <= set(state.keys())
        assert int(state.get_tensor("perceptual.steps")) == 8
    with safe_open(folder / "policy.safetensors", framework="pt") as policy:
        assert not any(name.startswith("perceptual") for name in policy.keys())  # noqa: SIM118


@pytest.mark.soak
@pytest.mark.parametrize("saved", [2, 3])
def test_killed_before_or_after_a_refresh_it_ends_where_an_unbroken_run_ends(saved, unbroken, tmp_path):
    data = without(unbroken, "grpo", tmp_path / "data")
    process = start(data, "grpo", **ONLINE)
    wait_for(data / f"06_models/smoke/grpo/step_{saved:07d}.safetensors", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (data / "06_models/smoke/grpo/COMPLETE").exists()
    succeed(data, "grpo", **ONLINE)
    assert models(data, "grpo") == models(unbroken, "grpo")
    assert log(data) == log(unbroken)


def test_a_run_that_began_with_a_frozen_model_does_not_go_on_with_one_that_follows(unbroken, tmp_path):
    data = shutil.copytree(unbroken, tmp_path / "data")
    result = run(data, "grpo", **ONLINE | {"grpo__rewards__online": "false"})
    assert result.exit_code == 1
    assert "grpo.rewards.online was True, is False" in " ".join(result.output.split())
