"""A killed training, restarted by the same command, ends bit for bit like an uninterrupted one."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.pipelines.kedro_project import files, start, succeed

LONG = {"pretraining__steps": 60, "reward_model__steps": 40, "grpo__updates": 16}
STAGES = {"pretraining": "pretraining", "reward_model": "reward_model", "grpo": "grpo"}
STATE = "training_state.safetensors"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("unbroken")
    succeed(data, "ingestion,pretraining,reward_model,grpo", **LONG)
    return data


def without(unbroken: Path, stage: str, target: Path) -> Path:
    """A copy of the finished run in which one training has not begun."""
    data = shutil.copytree(unbroken, target)
    shutil.rmtree(data / "06_models/smoke" / stage)
    for log in (data / "08_reporting/smoke").glob("*.jsonl"):
        if log.stem in (f"{stage}_log", "reward_log", "diversity_log"):
            log.unlink()
    return data


def wait_for(path: Path, process, patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not path.is_file():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"no checkpoint within {patience_s:.0f} s"
        time.sleep(0.002)


def models(data: Path, stage: str) -> dict[str, bytes]:
    return files(data / "06_models/smoke" / stage)


@pytest.mark.parametrize(
    "stage", [pytest.param(s, marks=() if s == "grpo" else pytest.mark.soak) for s in STAGES]
)
def test_kill_9_costs_nothing_but_time(stage, unbroken, tmp_path):
    data = without(unbroken, stage, tmp_path / "data")
    process = start(data, stage, **LONG)
    wait_for(data / "06_models/smoke" / stage / STATE, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (data / "06_models/smoke" / stage / "COMPLETE").exists()
    succeed(data, stage, **LONG)
    assert models(data, stage) == models(unbroken, stage)
    for log in (data / "08_reporting/smoke").glob("*_log.jsonl"):
        assert log.read_bytes() == (unbroken / "08_reporting/smoke" / log.name).read_bytes()


@pytest.mark.soak
def test_a_polite_signal_saves_and_stops_with_one_sentence(unbroken, tmp_path):
    data = without(unbroken, "grpo", tmp_path / "data")
    process = start(data, "grpo", **LONG)
    wait_for(data / "06_models/smoke/grpo" / STATE, process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "grpo was asked to stop and saved step" in output
    assert "run the same command to go on" in output
    assert "Traceback" not in output
    succeed(data, "grpo", **LONG)
    final = "step_0000016.safetensors"
    assert models(data, "grpo")[final] == models(unbroken, "grpo")[final]


def test_an_ingestion_that_was_killed_goes_on(unbroken, tmp_path):
    """From half a store: its log is cut after a few files, with frames of a file that was not committed."""
    data = shutil.copytree(unbroken, tmp_path / "data")
    store = data / "02_intermediate/smoke/motions"
    (store / "CURRENT").unlink()
    (generation,) = (path for path in store.iterdir() if path.is_dir())
    lines = (generation / "files.jsonl").read_text().splitlines(keepends=True)
    (generation / "files.jsonl").write_text("".join(lines[:9]) + lines[9][:20])
    succeed(data, "ingestion", **LONG)
    assert files(store) == files(unbroken / "02_intermediate/smoke/motions")
