"""Inputs of steps, prepared ahead of their turn."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from motiongrpo.base.ahead import MOST_AHEAD, made_ahead, threads_ahead
from motiongrpo.base.batched import Batched
from motiongrpo.base.errors import Diverged
from motiongrpo.base.processes import on_processes


@dataclass(frozen=True)
class Drawn(Batched):
    noise: Tensor
    mask: Tensor  # booleans, which gloo cannot sum
    level: Tensor


def drawn(step: int) -> Drawn:
    noise = torch.randn(3, 4, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return Drawn(noise.T, noise.T > 0, torch.full((4,), step))


def assert_in_order(made: list[Drawn], steps: range) -> None:
    for one, step in zip(made, steps, strict=True):
        for name, value in vars(drawn(step)).items():
            assert torch.equal(getattr(one, name), value), (step, name)


@pytest.mark.parametrize("threads", [0, 1, 3, 9])
@pytest.mark.parametrize("steps", [range(0), range(4, 5), range(4, 11)])
def test_every_step_gets_what_is_made_for_it(steps, threads):
    assert_in_order(list(made_ahead(drawn, steps, threads)), steps)


def test_so_many_steps_are_begun_ahead_and_no_more():
    """The third begins while the first is used, and the fourth only when the second is requested."""
    begun = [threading.Event() for _ in range(6)]

    def make(step: int) -> Drawn:
        begun[step].set()
        return drawn(step)

    made = made_ahead(make, range(6), threads=2)
    next(made)
    assert begun[2].wait(timeout=10)
    assert not begun[3].wait(timeout=0.1)
    next(made)
    assert begun[3].wait(timeout=10)
    assert not begun[4].is_set()


def test_threads_make_steps_ahead_on_a_device_and_not_on_a_cpu():
    assert threads_ahead("cpu") == 0
    assert threads_ahead("cuda") == min(MOST_AHEAD, torch.get_num_threads()) > 0


def test_without_threads_a_step_is_made_when_it_is_asked_for():
    seen = []
    made = made_ahead(
        lambda step: seen.append((step, threading.current_thread())) or drawn(step), range(3), 0
    )
    next(made)
    assert seen == [(0, threading.main_thread())]


def test_what_a_step_raises_is_raised_at_its_turn_and_ends_the_threads():
    def make(step: int) -> Drawn:
        if step == 1:
            raise Diverged("a window of motion is nan")
        return drawn(step)

    made = made_ahead(make, range(9), threads=2)
    next(made)
    with pytest.raises(Diverged, match="a window of motion is nan"):
        next(made)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_a_training_that_is_left_leaves_no_thread():
    made = made_ahead(drawn, range(100), threads=2)
    next(made)
    made.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_threads_use_the_gpu_of_their_process(monkeypatch):
    """A new thread would take the first GPU of the machine."""
    taken = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda i: taken.append((i, threading.current_thread().name))
    )
    list(made_ahead(drawn, range(2), threads=1))
    assert taken == [(3, "ahead_0")]


def made_here(steps: range) -> Iterator[tuple[list[int], list[Drawn]]]:
    """The steps that this process makes itself, and those that it receives."""
    own: list[int] = []
    made = list(made_ahead(lambda step: own.append(step) or drawn(step), steps, threads=2))
    yield sorted(own), made


def failing_elsewhere(steps: range) -> Iterator[Drawn]:
    """One step fails, whoever makes it; it is the follower's."""

    def make(step: int) -> Drawn:
        if step == steps[4]:
            raise Diverged(f"a window of step {step} is nan")
        return drawn(step)

    yield from made_ahead(make, steps, threads=2)


def test_what_another_process_cannot_make_is_raised_by_all_of_them():
    made = on_processes(2, "cpu", failing_elsewhere, range(9))
    assert_in_order([next(made) for _ in range(4)], range(4))
    with pytest.raises(Diverged, match="a window of step 4 is nan"):
        next(made)


@pytest.mark.parametrize(
    ("steps", "own"), [(range(3, 8), [3, 4, 6]), (range(7, 8), [7]), (range(7, 9), [7, 8]), (range(0), [])]
)
def test_processes_take_turns_and_all_get_the_same(steps, own):
    """The first step is made by every process."""
    ((mine, made),) = on_processes(2, "cpu", made_here, steps)
    assert mine == own
    assert_in_order(made, steps)
