"""The inputs of training steps, prepared ahead by threads, and by processes that train together in turns.

Drawing noise takes one thread of a CPU longer than a GPU takes for the step that uses it. Where the draws of
a step depend on its number alone, they can be made beside the steps before it, to the same bits.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from motiongrpo.base.batched import Batched
from motiongrpo.base.row_parallel import team

MOST_AHEAD = 8  # steps that wait in memory

Made = TypeVar("Made", bound=Batched)


def threads_ahead(device: str) -> int:
    """How many threads make what coming steps need: none on a CPU, whose cores have the steps to do."""
    return 0 if device == "cpu" else min(MOST_AHEAD, torch.get_num_threads())


def made_ahead(make: Callable[[int], Made], steps: Sequence[int], threads: int) -> Iterator[Made]:
    """`make(step)` of every step in order, of which so many threads make the next ones; none makes no thread.

    What `make` raises is raised at its step. With threads, processes that train together make every step once
    among them, each its turn, and hand it to the others; what is made must be shaped alike at every step.
    """
    together = team()
    if threads == 0:
        yield from map(make, steps)
    elif together.divides(len(steps)):
        own = _by_threads(make, steps[together.rank :: together.size], threads)
        shape = mine = next(own)
        for turn in range(len(steps)):
            maker = turn % together.size
            if maker == together.rank and turn >= together.size:
                mine = next(own)
            yield together.given_by(maker, mine if maker == together.rank else shape)
    else:
        yield from _by_threads(make, steps, threads)


def _gpu() -> int | None:
    return torch.cuda.current_device() if torch.cuda.is_initialized() else None


def _on_gpu(index: int | None) -> None:
    """Let a new thread use the GPU of its process: by itself it would take the first of the machine."""
    if index is not None:
        torch.cuda.set_device(index)


def _by_threads(make: Callable[[int], Made], steps: Sequence[int], threads: int) -> Iterator[Made]:
    pool = ThreadPoolExecutor(threads, "ahead", _on_gpu, (_gpu(),))
    begun: deque[Future[Made]] = deque()
    try:
        for step in steps:
            begun.append(pool.submit(make, step))
            if len(begun) > threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
