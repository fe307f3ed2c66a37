"""The inputs of training steps, prepared ahead by threads, and by processes that train together in turns.

Drawing the noise of a step takes a CPU thread longer than a GPU takes for the step itself. Where the draws
depend on the step's number alone, they can be made while earlier steps run, with bit-identical results.
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
    """The number of threads that prepare coming steps: none on a CPU, whose cores compute the steps."""
    return 0 if device == "cpu" else min(MOST_AHEAD, torch.get_num_threads())


def made_ahead(make: Callable[[int], Made], steps: Sequence[int], threads: int) -> Iterator[Made]:
    """`make(step)` of every step in order, prepared ahead by `threads` threads; 0 starts none.

    An exception of `make` is raised at its step. With threads, processes that train together take turns: each
    step but the first is made by one of them and sent to the others, so all steps must have the same shapes.
    """
    if threads == 0:
        yield from map(make, steps)
    elif team().size == 1:
        yield from _by_threads(make, steps, threads)
    else:
        yield from _in_turns(make, steps, threads)


def _in_turns(make: Callable[[int], Made], steps: Sequence[int], threads: int) -> Iterator[Made]:
    if not steps:
        return
    together, first = team(), make(steps[0])
    yield first
    own = _by_threads(make, steps[1 + together.rank :: together.size], threads)
    for turn, step in enumerate(steps[1:]):
        maker = turn % together.size
        try:
            made, failed = next(own) if maker == together.rank else first, False
        except Exception:  # all of them make this step again, to raise the same error
            made, failed = first, True
        yield make(step) if together.any(failed) else together.given_by(maker, made)


def _gpu() -> int | None:
    return torch.cuda.current_device() if torch.cuda.is_initialized() else None


def _on_gpu(index: int | None) -> None:
    """Make a new thread use the GPU of its process; by default it would use the first of the machine."""
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
