"""Progress of long work: a bar with the time left on a terminal, a line now and then in a log."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import rich
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0

logger = logging.getLogger(__name__)


def with_progress(items: Iterable[Item], what: str, total: int, done: int = 0) -> Iterator[Item]:
    """The items as they come; `done` of `total` were finished before."""
    console = rich.get_console()
    if not console.is_terminal:
        yield from _with_lines(items, what, total, done)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, completed=done)
        for item in items:
            yield item
            bar.advance(task)


def _with_lines(items: Iterable[Item], what: str, total: int, done: int) -> Iterator[Item]:
    started = last = time.monotonic()
    for count, item in enumerate(items, start=done + 1):
        yield item
        now = time.monotonic()
        if now - last > SECONDS_BETWEEN_LINES or count == total:
            left = (now - started) / (count - done) * (total - count)
            logger.info("%s: %d of %d, about %d s left", what, count, total, round(left))
            last = now
