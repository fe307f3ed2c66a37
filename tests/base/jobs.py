"""Jobs for tests of the engine, which workers import: this module must load quickly."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import torch

from motiongrpo.base.errors import InputError


def counted(given: int, job: int) -> Iterator[tuple[int, list[float], int]]:
    """As many results as the job says, some of them random, with the job's own seed."""
    for number in range(job):
        torch.manual_seed(number)
        yield given + number, torch.rand(3).tolist(), torch.get_num_threads()


def place(given: None, job: int) -> tuple[int, str]:
    import ray

    return job, ray.get_runtime_context().get_node_id()


def dying_once(folder: Path, job: int) -> Iterator[int]:
    """A job whose second step kills the worker, unless that has happened before."""
    for number in range(len(list(folder.glob(f"{job}_*"))), 3):
        mark = folder / f"killed_{job}"
        if number == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield number


def refuse(given: None, job: int) -> int:
    raise InputError(f"job {job} cannot be done")


def die(given: None, job: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return job
