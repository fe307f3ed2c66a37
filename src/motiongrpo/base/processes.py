"""One training on several processes of one machine, or of many under torchrun.

The first process leads: it alone reads the catalog, writes checkpoints, shows progress and handles signals.
The others follow: they receive each training with its inputs, run it in step and discard what it yields
(`row_parallel` describes how they share the work). Whether the leader started its followers or torchrun
started all, they communicate through gloo; where each has its own GPU, gradients go through nccl.
"""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import rich
import torch
import torch.distributed as dist

from motiongrpo.base.errors import InputError
from motiongrpo.base.row_parallel import LostProcess, Team, joined

PATIENCE = timedelta(days=30)  # followers wait while the leader ingests
GRACE_S = 30.0  # for the leader to notice that a follower has ended; inside nccl it would wait forever
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

Item = TypeVar("Item")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A training as every process of a team runs it."""

    training: Callable[..., Iterator[Any]]  # a module's function, which other processes import by name
    inputs: tuple[Any, ...]
    device: str
    threads: int  # of torch, in each process

    def steps(self) -> Iterator[Any]:
        """What the training yields here, in step with all others."""
        torch.set_num_threads(self.threads)
        with _meeting_place(self.device) as group:
            together = Team(dist.get_rank(), dist.get_world_size(), group)
            yield from _joined_at_each(self.training(*self.inputs), together)


def training_processes(asked: int | None, device: str) -> int:
    """The requested number of processes; by default two on a CPU and one on any other device.

    The default does not depend on the number of cores, since rounding depends on the number of processes.
    """
    return asked or (2 if device == "cpu" else 1)


def on_processes(
    count: int, device: str, training: Callable[..., Iterator[Item]], *inputs: Any
) -> Iterator[Item]:
    """What `training(*inputs)` yields, run by `count` processes; under torchrun, by all that it has started.

    Inputs are pickled for the other processes, and torch's threads are divided among the processes of this
    machine. Raises LostProcess where another process ends.
    """
    if count == 1 and not dist.is_initialized():
        yield from training(*inputs)
        return
    if device not in ("cpu", "cuda"):
        raise InputError(f"several processes train on cpu or cuda, got device={device}; pass processes=1")
    threads = torch.get_num_threads()
    each = threads if dist.is_initialized() else max(1, threads // count)
    job = Job(training, inputs, device, each)
    with nullcontext() if dist.is_initialized() else _followers(count):
        _hand_out(job)
        try:
            yield from job.steps()
        finally:
            torch.set_num_threads(threads)


def _joined_at_each(steps: Iterator[Item], together: Team) -> Iterator[Item]:
    """The steps as they come. Between steps this process is alone, since the others do not take part."""
    while True:
        with joined(together):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def run_once(command: Callable[[], Item]) -> Item | None:
    """Run a command; under torchrun on the first process alone, while the others join its trainings."""
    if "RANK" not in os.environ or os.environ.get("WORLD_SIZE") == "1" or dist.is_initialized():
        return command()
    dist.init_process_group("gloo", timeout=PATIENCE)
    if dist.get_rank() > 0:
        return _follow()
    result = command()  # if it fails, this process ends, and the others with it
    _hand_out(None)
    return result


def end_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _hand_out(job: Job | None) -> Job | None:
    """The leader's job, sent to every process; None ends the followers."""
    box = [job]
    try:
        dist.broadcast_object_list(box, src=0)
    except RuntimeError as error:
        raise LostProcess from error
    return box[0]


def _follow() -> None:
    """Take part in every training until there are no more, or until the leader ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the leader handles them
    logging.disable(logging.WARNING)
    rich.reconfigure(quiet=True)
    with suppress(LostProcess):
        while (job := _hand_out(None)) is not None:
            for _ in job.steps():
                pass


@contextmanager
def _meeting_place(device: str) -> Iterator[dist.ProcessGroup | None]:
    """The group that sums tensors of a device; this process's GPU becomes the current one."""
    if device != "cuda":
        yield None
        return
    rank = int(os.environ.get("LOCAL_RANK", dist.get_rank()))
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", dist.get_world_size()))
    gpus = torch.cuda.device_count()
    torch.cuda.set_device(rank % gpus)
    if processes > gpus:  # nccl refuses two processes on one GPU
        logger.warning("%d processes share %d GPUs, and meet through gloo instead of nccl", processes, gpus)
        yield None
        return
    group = dist.new_group(backend="nccl", timeout=PATIENCE)
    assert isinstance(group, dist.ProcessGroup)  # every process is in it
    try:
        yield group
    finally:
        dist.destroy_process_group(group)


@contextmanager
def _followers(count: int) -> Iterator[None]:
    """Follower processes on this machine, until the end of the block."""
    context, folder = multiprocessing.get_context("spawn"), tempfile.TemporaryDirectory()
    meet = partial(_meet, count=count, folder=folder.name)
    processes: list[BaseProcess] = [
        context.Process(target=_join, args=(rank, meet), daemon=True) for rank in range(1, count)
    ]
    over = threading.Event()
    for process in processes:
        process.start()
    threading.Thread(target=_end_with_any, args=(processes, over), daemon=True).start()
    try:
        meet(0)
        yield
    except LostProcess as error:
        raise LostProcess(_fate(processes)) from error
    finally:
        over.set()
        for process in processes:
            process.kill()
            process.join()
        if dist.is_initialized():
            dist.destroy_process_group()
        folder.cleanup()


def _meet(rank: int, count: int, folder: str) -> None:
    """Join the process group, whose members find each other through a file."""
    address = (Path(folder) / "addresses").as_uri()
    dist.init_process_group("gloo", address, timeout=PATIENCE, rank=rank, world_size=count)


def _join(rank: int, meet: Callable[[int], None]) -> None:
    """The main function of a follower; it exits at once, since a process group would wait for the others."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        meet(rank)
        _follow()
    except InputError:  # the leader raises the same error and reports it
        os._exit(0)
    except Exception:
        traceback.print_exc()
        os._exit(1)


def _end_with_any(processes: list[BaseProcess], over: threading.Event) -> None:
    """End this process when a follower has ended unnoticed."""
    wait([process.sentinel for process in processes])
    if not over.wait(GRACE_S):
        sys.stderr.write(f"Error: {LostProcess(_fate(processes))}\n")
        os._exit(1)


def _fate(processes: list[BaseProcess]) -> str:
    """How the first process that failed has ended."""
    ended = wait([process.sentinel for process in processes], timeout=GRACE_S)
    for rank, process in enumerate(processes, start=1):
        if process.sentinel in ended:
            process.join(GRACE_S)  # its files are closed a moment before it has an exit code
        if code := process.exitcode:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            return f"process {rank + 1} of {len(processes) + 1} {how}"
    return "another process of this training has ended"
