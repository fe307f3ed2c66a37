"""Shared by all tests: one thread, for equal sums on every machine; no network; one small run."""

import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

torch.set_num_threads(1)

REPORTS_BEFORE_GRPO = {
    *("ingestion_report.csv", "ingestion_summary.json"),
    *("pretraining_log.jsonl", "reward_log.jsonl", "reward_report.json"),
}


def _own_address() -> str:
    """The address of this machine for other machines, as Ray uses it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]
    return "127.0.0.1"


HERE = (_own_address(), None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0")
ASKING = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
"""Audit events of the interpreter, and which of their arguments says what for."""


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """Make a test that connects to another machine fail at once instead of waiting."""
    if event in ASKING:
        asked = args[ASKING[event]]
        host = asked[0] if isinstance(asked, tuple) else None if event == "socket.connect" else asked
        if (host.decode() if isinstance(host, bytes) else host) not in HERE:
            raise RuntimeError(f"a test asked for {host}; tests know no other machine than this")


sys.addaudithook(_stay_here)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder of a whole `kedro run --env smoke`, and what it printed; copy it to change it.

    It is made once: if several processes share the tests, the first makes it and the others wait.
    """
    from tests.pipelines.kedro_project import succeed

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    data, printed = shared / "smoke", shared / "smoke_printed"
    with FileLock(shared / "smoke.lock"):
        if not printed.is_file():
            data.mkdir(exist_ok=True)
            printed.write_text(succeed(data, ""), encoding="utf-8")
    return data, printed.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def judged_run(smoke_run: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a smoke run up to its reward model; copy it to change it."""
    data = shutil.copytree(smoke_run[0], tmp_path_factory.mktemp("judged") / "data")
    for folder in ("06_models/smoke/grpo", "07_model_output/smoke"):
        shutil.rmtree(data / folder)
    (data / "06_models/smoke/policy.safetensors").unlink()
    for path in (data / "08_reporting/smoke").iterdir():
        if path.name not in REPORTS_BEFORE_GRPO:
            path.unlink()
    return data
