"""`kedro run` with several processes: stopped, killed and resumed, it ends like one process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from tests.pipelines.kedro_project import QUIET, ROOT, arguments, start, succeed
from tests.pipelines.test_resume import wait_for

MODELS, LOGS = Path("06_models/smoke"), Path("08_reporting/smoke")


@pytest.fixture
def data(smoke_run, tmp_path) -> Path:
    """A run whose GRPO has not begun."""
    copy = shutil.copytree(smoke_run[0], tmp_path / "data")
    shutil.rmtree(copy / MODELS / "grpo")
    (copy / MODELS / "policy.safetensors").unlink()
    for log in ("grpo_log", "diversity_log"):
        (copy / LOGS / f"{log}.jsonl").unlink()
    return copy


def read_until(process: subprocess.Popen, words: str) -> None:
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"the command ended without a word of '{words}'")


def followers(process: subprocess.Popen) -> list[int]:
    """The processes that a command has started, without Python's resource tracker."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def rows(data: Path) -> list[dict]:
    return [json.loads(line) for line in (data / LOGS / "grpo_log.jsonl").read_text().splitlines()]


def assert_equal_runs(data: Path, whole: Path) -> None:
    """Assert equality up to rounding, which single precision and AdamW amplify where a gradient is zero."""
    found, expected = rows(data), rows(whole)
    assert found == [pytest.approx(row, rel=1e-3, abs=1e-3) for row in expected]
    policy, trained = (load_file(of / MODELS / "policy.safetensors") for of in (data, whole))
    assert_close(policy, trained, rtol=0, atol=1e-4)


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found through /proc")
def test_a_run_goes_on_with_more_processes_or_fewer_after_a_signal_and_after_a_kill(smoke_run, data):
    succeed(data, "grpo", grpo__updates=2)

    process = start(data, "grpo", processes=2)
    read_until(process, "grpo: first")
    (follower,) = followers(process)
    os.kill(follower, signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "process 2 of 2 was killed by SIGKILL; run the same command to go on" in " ".join(output.split())
    assert "Traceback" not in output

    process = start(data, "grpo", processes=2)
    wait_for(data / MODELS / "grpo" / "step_0000004.safetensors", process, patience_s=300)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert re.search(
        "grpo was asked to stop and saved step [45] of 6; run the same", " ".join(output.split())
    )

    succeed(data, "grpo")
    assert_equal_runs(data, smoke_run[0])


def test_a_run_that_one_process_began_goes_on_with_two(smoke_run, data):
    succeed(data, "grpo", grpo__updates=2)
    succeed(data, "grpo", processes=2)
    assert_equal_runs(data, smoke_run[0])


@pytest.mark.soak
def test_under_torchrun_one_process_of_all_writes_and_logs(smoke_run, data):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "kedro", "run", *arguments(data, "smoke", "grpo", {"grpo.updates": 2})]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("grpo: first") == 1
    assert rows(data) == [pytest.approx(row, rel=1e-3, abs=1e-3) for row in rows(smoke_run[0])[:2]]
    models = sorted(path.name for path in (data / MODELS / "grpo").iterdir())
    assert models == ["COMPLETE", "step_0000002.safetensors", "training_state.safetensors"]
