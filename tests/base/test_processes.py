"""Starting processes, and the error where one of them ends."""

import multiprocessing
import os
import signal
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from motiongrpo.base.errors import InputError
from motiongrpo.base.processes import on_processes, run_once, training_processes
from motiongrpo.base.row_parallel import ALONE, LostProcess, team


def whoever_is_here(*inputs):
    yield team(), inputs


def ending_elsewhere(end):
    """The leader yields its team, then waits for a sum that its follower never joins."""
    if not team().leads:
        end()
    yield team().rank, team().size, torch.get_num_threads()
    team().add_up(torch.ones(1))


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise MemoryError


def end_slowly():
    """Close all pipes and sockets some time before the process exits."""
    for name in Path("/dev/fd").iterdir():
        with suppress(OSError):  # from files that are neither, and from sockets without a peer
            number = int(name.name)
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                os.close(number)
            else:
                peer = socket.socket(fileno=os.dup(number))
                peer.getpeername()
                peer.shutdown(socket.SHUT_RDWR)
    time.sleep(0.5)
    os._exit(3)


@pytest.fixture
def threads():
    """Set an even number of torch's threads, and restore the number after the test."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield 4
    torch.set_num_threads(before)


@pytest.mark.parametrize(("device", "count"), [("cpu", 2), ("cuda", 1), ("cuda:1", 1), ("mps", 1)])
def test_two_processes_train_on_a_cpu_and_one_elsewhere_unless_a_number_is_given(device, count):
    assert training_processes(None, device) == count
    assert training_processes(3, device) == 3


def test_one_process_is_this_one():
    thing = object()
    ((seen, (given,)),) = on_processes(1, "mps", whoever_is_here, thing)
    assert seen is ALONE
    assert given is thing


def test_several_processes_on_a_device_that_cannot_sum_are_refused():
    with pytest.raises(InputError, match="several processes train on cpu or cuda, got device=mps; pass proc"):
        next(on_processes(2, "mps", whoever_is_here))


def test_a_command_that_torchrun_did_not_start_is_just_run():
    assert run_once(lambda: 3) == 3
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("end", "how"),
    [(kill, "was killed by SIGKILL"), (fail, "ended with code 1"), (end_slowly, "ended with code 3")],
)
def test_a_follower_that_ends_ends_the_training_with_one_sentence_and_leaves_nothing(end, how, threads):
    steps = on_processes(2, "cpu", ending_elsewhere, end)
    assert next(steps) == (0, 2, threads // 2)
    assert team() is ALONE  # between steps
    with pytest.raises(LostProcess, match=f"process 2 of 2 {how}; run the same command to go on from the"):
        next(steps)
    assert team() is ALONE
    assert torch.get_num_threads() == threads
    assert not dist.is_initialized()
    assert multiprocessing.active_children() == []
