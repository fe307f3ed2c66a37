"""A training that diverges ends with one sentence, and its run stays as it was saved."""

import json
import math
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.pipelines.kedro_project import files, run, succeed
from tests.pipelines.test_bad_input import assert_refused

MODELS, REPORTS = "06_models", "08_reporting"


@pytest.fixture(scope="module")
def data(judged_run, tmp_path_factory) -> Path:
    return shutil.copytree(judged_run, tmp_path_factory.mktemp("divergence") / "data")


def assert_all_finite(folder: Path) -> None:
    for path in folder.rglob("*.safetensors"):
        assert all(bool(tensor.isfinite().all()) for tensor in load_file(path).values()), path
    for path in folder.rglob("*_log.jsonl"):
        for row in map(json.loads, path.read_text().splitlines()):
            assert all(math.isfinite(value) for value in row.values()), path


@pytest.mark.parametrize("stage", ["pretraining", "reward_model"])
def test_a_rate_far_too_high_ends_a_training_with_what_to_lower(stage, data):
    hot = {f"{stage}__optimiser__learning_rate": 1e37, f"{stage}__checkpoint_every": 1, "run": f"hot-{stage}"}
    stages = {"pretraining": "ingestion,pretraining", "reward_model": "ingestion,pretraining,reward_model"}
    result = run(data, stages[stage], **hot)
    assert_refused(result, f"{stage} stopped at step ", "; lower optimiser.learning_rate", "run=NAME")
    assert_all_finite(data)
    before = files(data)
    assert_refused(run(data, stage, **hot), f"{stage} stopped at step ")
    after = files(data)
    assert after == before
    calm = {"run": f"hot-{stage}", f"{stage}__checkpoint_every": 1}
    assert_refused(run(data, stage, **calm), f"{stage}.optimiser.learning_rate was 1e+37", "another name")


@pytest.mark.soak
def test_post_training_that_runs_away_keeps_its_last_checkpoint(data):
    """The limit is the divergence of a stable run of another name after its first update."""
    succeed(data, "ingestion,pretraining,reward_model,grpo", run="another")
    rows = map(json.loads, (data / REPORTS / "another/grpo_log.jsonl").read_text().splitlines())
    first, *later = [row["kl_per_dim"] for row in rows]
    limit = 1.001 * first
    last = 1 + next(i for i, distance in enumerate(later) if distance > limit)
    tight = {"grpo__surrogate__kl_limit_per_dim": limit, "grpo__checkpoint_every": 1}
    stopped = (f"grpo stopped at step {last + 1} of 6: the policy is", f"step {last} stays as it was saved")
    assert_refused(run(data, "grpo", **tight), *stopped)
    assert (data / MODELS / f"smoke/grpo/step_{last:07}.safetensors").is_file()
    assert_all_finite(data)
    before = files(data)
    assert_refused(run(data, "grpo", **tight), *stopped)
    assert files(data) == before


def test_updates_without_a_group_are_logged_until_they_are_too_many(data):
    """Rewards within a group hardly ever spread as much as over all data."""
    none = {"run": "empty", "grpo__advantage__drop_below": 0.999, "grpo__advantage__empty_updates": 3}
    stages = "ingestion,pretraining,reward_model,grpo"
    result = run(data, stages, **none, grpo__checkpoint_every=1, grpo__rewards__terms="[perceptual]")
    assert_refused(result, "all groups of 3 updates in a row were dropped", "raise grpo.rollout.noise")
    log = (data / REPORTS / "empty/grpo_log.jsonl").read_text().splitlines()
    last = [json.loads(row) for row in log][-2:]
    assert [(row["empty_updates"], row["dropped_share"]) for row in last] == [(1, 1.0), (2, 1.0)]
    assert not any(name.startswith(("gradient", "audit", "level")) for row in last for name in row)
    before = files(data)
    again = run(data, "grpo", **none, grpo__checkpoint_every=1, grpo__rewards__terms="[perceptual]")
    assert_refused(again, "all groups of 3 updates in a row were dropped")  # earlier ones count, too
    assert files(data) == before
