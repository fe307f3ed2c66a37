"""Errors that a user can fix, each reported in one sentence instead of a traceback."""

import re
from collections.abc import Iterator

from kedro.framework.cli.utils import KedroCliError
from kedro.io import DatasetError

from motiongrpo.base.errors import InputError
from motiongrpo.base.records import SHOWN
from motiongrpo.base.words import shown

ASKED_IN_VAIN = (ValueError, AttributeError)
"""What Kedro raises where a node, tag, dataset, namespace or runner in a command does not exist."""


def sentence_of(error: BaseException) -> str | None:
    """The sentence to print instead of a traceback; None for a bug of this program."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, InputError | KedroCliError):
            return str(cause)
    last = causes[-1]
    if isinstance(last, OSError) and (last.errno is not None or _named(causes) is not None):
        named = _named(causes) or next(filter(None, map(_path_of, causes)), None)
        where = f"'{named}': " if named else ""
        said = str(last.strerror or last).lower()
        return f"{where}{said}; mend that, or name another place for runs with --params data=DIR"
    if isinstance(error, DatasetError):
        return _unreadable(error, last)
    if last is error and isinstance(error, ASKED_IN_VAIN) and _raised_in(error).startswith("kedro."):
        return " ".join(str(error).split())
    return None


def _unreadable(error: DatasetError, last: BaseException) -> str | None:
    """The sentence for a file that one of Kedro's own datasets cannot parse, such as JSON or CSV."""
    path = _path_of(error)
    if (
        path is None
        or last is error
        or not isinstance(last, ValueError | RecursionError)
        or _raised_in(last).startswith("motiongrpo")
    ):
        return None
    return f"'{path}' cannot be read: {shown(str(last), SHOWN)}; restore it, or delete it and make it anew"


def _named(causes: list[BaseException]) -> str | None:
    """The file named by the outermost of these errors that names one."""
    return next((str(c.filename) for c in causes if isinstance(c, OSError) and c.filename), None)


def _path_of(error: BaseException) -> str | None:
    """The path of a dataset in Kedro's message that loading or saving it has failed."""
    path = re.search(r"path=\w*\(?'([^']+)'", str(error)) if isinstance(error, DatasetError) else None
    return path[1] if path else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, followed by the chain of its causes."""
    while error is not None:
        yield error
        error = error.__cause__


def _raised_in(error: BaseException) -> str:
    """The name of the module whose code raised the error."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else str(frame.tb_frame.f_globals.get("__name__", ""))
