"""Progress of long work in a log, and as a bar on a terminal."""

import io

import pytest
import rich
from rich.console import Console

from motiongrpo.base import progress
from motiongrpo.base.progress import with_progress


@pytest.fixture(autouse=True)
def _log(monkeypatch, caplog):
    monkeypatch.setattr(rich, "_console", Console(file=io.StringIO(), force_terminal=False))
    caplog.set_level("INFO")


def at_pace(monkeypatch, seconds: float) -> None:
    """A clock that advances by the same time at every reading."""
    clock = iter(seconds * step for step in range(10_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_items_pass_through_one_by_one_and_unchanged(caplog):
    taken = with_progress(iter([3, 1, 2]), "training", total=3)
    assert next(taken) == 3
    assert lines(caplog) == []
    assert list(taken) == [1, 2]


def test_quick_work_says_so_once_at_its_end(monkeypatch, caplog):
    at_pace(monkeypatch, 0.01)
    list(with_progress(range(100), "training", total=100))
    assert lines(caplog) == ["training: 100 of 100, about 0 s left"]


def test_long_work_gets_a_line_now_and_then_with_the_time_left(monkeypatch, caplog):
    """At four seconds per item, a line as soon as 15 s have passed is every fourth item."""
    at_pace(monkeypatch, 4.0)
    list(with_progress(range(10), "training", total=10))
    assert lines(caplog) == [
        "training: 4 of 10, about 24 s left",
        "training: 8 of 10, about 8 s left",
        "training: 10 of 10, about 0 s left",
    ]


def test_what_was_there_before_counts_but_not_for_the_pace(monkeypatch, caplog):
    at_pace(monkeypatch, 20.0)
    list(with_progress(range(2), "training", total=100, done=96))
    assert lines(caplog) == ["training: 97 of 100, about 60 s left", "training: 98 of 100, about 40 s left"]


def test_nothing_to_do_says_nothing(caplog):
    assert list(with_progress([], "training", total=5, done=5)) == []
    assert lines(caplog) == []


def test_a_terminal_gets_a_bar_and_the_log_nothing(monkeypatch, caplog):
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(rich, "_console", screen)
    assert list(with_progress(range(3), "training", total=9, done=6)) == [0, 1, 2]
    assert lines(caplog) == []
    assert "training" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert "9/9" in screen.file.getvalue()  # type: ignore[attr-defined]
