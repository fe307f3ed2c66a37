"""One writer per run: within a process, and for two commands that are started together."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from motiongrpo.app.run_lock import RunLock
from motiongrpo.base.errors import InputError
from motiongrpo.motion.store import open_store
from tests.head.writers import walk, write
from tests.pipelines.kedro_project import ROOT, start

TAKE = "import sys, pathlib; from motiongrpo.app.run_lock import RunLock; "
TAKE += "lock = RunLock(pathlib.Path(sys.argv[1]), 'a', ['grpo']); lock.acquire(); "
TAKE += "print('taken', flush=True); input()"


def holder(data) -> subprocess.Popen:
    """A process that has the lock of `grpo` of run `a`."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(data)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "taken\n"
    return process


def test_another_process_is_named_and_a_killed_one_locks_nothing(tmp_path):
    process = holder(tmp_path)
    with pytest.raises(InputError, match=rf"grpo of run 'a' .* by process {process.pid}; wait .* run=NAME"):
        RunLock(tmp_path, "a", ["evaluation", "grpo"]).acquire()
    beside = RunLock(tmp_path, "a", ["evaluation"])
    beside.acquire()
    beside.release()
    of_another_run = RunLock(tmp_path, "b", ["grpo"])
    of_another_run.acquire()
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock = RunLock(tmp_path, "a", ["grpo"])
    (path,) = lock.paths.values()
    assert path.read_text() == f"{process.pid}\n"
    lock.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()
    assert list(tmp_path.iterdir()) == [tmp_path / ".b.grpo.lock"]


def test_who_takes_the_lock_sweeps_the_folders_of_its_run_alone(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    partial = f".policy.{dead.pid}.01234567.partial"
    left, of_another = tmp_path / "06_models/a/grpo" / partial, tmp_path / "06_models/b" / partial
    alive = left.with_name(f".policy.{os.getpid()}.01234567.partial")
    for path in (left, of_another, alive):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    lock = RunLock(tmp_path, "a", ["grpo"])
    lock.acquire()
    lock.release()
    assert not left.exists()
    assert alive.exists()
    assert of_another.exists()


def two_commands(data: Path, stage: str, **params) -> None:
    """Start a second command while one is running: it is refused by name, and the first ends normally."""
    first = start(data, stage, **params)
    lock = data / f".smoke.{stage}.lock"
    while not (lock.is_file() and lock.read_text().strip() == str(first.pid)):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # so that the second command starts in time on a busy machine
    second = start(data, stage, **params)
    refusal = second.communicate(timeout=500)[0]
    first.send_signal(signal.SIGCONT)
    output = first.communicate(timeout=500)[0]
    assert (first.returncode, second.returncode) == (0, 1), output + refusal
    assert "Traceback" not in refusal
    said = " ".join(refusal.split())
    (owner,) = re.findall(rf"{stage} of run 'smoke' .* is being written by process (\d+); wait", said)
    assert int(owner) == first.pid
    assert not list(data.glob(".*"))


def test_of_two_ingestions_one_runs_and_the_other_names_it(tmp_path):
    two_commands(tmp_path, "ingestion", ingestion__workers=1, threads=1)
    assert len(open_store(tmp_path / "02_intermediate/smoke/motions").files) == 24


def of_pretraining(data: Path) -> dict:
    """A training that has not begun."""
    shutil.rmtree(data / "06_models/smoke/pretraining")
    (data / "08_reporting/smoke/pretraining_log.jsonl").unlink()
    return {"pretraining__steps": 48}


def of_recovery(data: Path) -> dict:
    """A recording of ten seconds."""
    write(data / "walk.csv", *walk(300, 30.0), "openxr")
    return {"recovery__input": data / "walk.csv", "recovery__format": "openxr", "recovery__to": "[bvh]"}


@pytest.mark.soak
@pytest.mark.parametrize(("stage", "prepare"), [("pretraining", of_pretraining), ("recovery", of_recovery)])
def test_of_two_commands_of_a_stage_one_runs_and_the_other_names_it(stage, prepare, smoke_run, tmp_path):
    data = shutil.copytree(smoke_run[0], tmp_path / "data")
    two_commands(data, stage, **prepare(data))
