"""What all tests share: one thread, since sums come out alike on every machine; no network; one small run."""

import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

torch.set_num_threads(1)


def _own_address() -> str:
    """Under which other machines know this one, as a Ray cluster is started; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]
    return "127.0.0.1"


HERE = (_own_address(), None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0")
ASKING = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
"""Audit events of the interpreter, and which of their arguments says what for."""


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """A test that asks for another machine fails at once, rather than wait for it."""
    if event in ASKING:
        asked = args[ASKING[event]]
        host = asked[0] if isinstance(asked, tuple) else None if event == "socket.connect" else asked
        if (host.decode() if isinstance(host, bytes) else host) not in HERE:
            raise RuntimeError(f"a test asked for {host}; tests know no other machine than this")


sys.addaudithook(_stay_here)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder of a whole `kedro run --env smoke`, and what it printed; copy it to change it."""
    from tests.pipelines.kedro_project import succeed

    data = tmp_path_factory.mktemp("smoke")
    return data, succeed(data, "")
