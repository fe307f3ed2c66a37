"""Tables and lists of file name patterns, such as `salsa_*`, in the parameters of raw motion."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from motiongrpo.base.errors import InputError

Value = TypeVar("Value")


def first_match(name: str, table: Mapping[str, Value], otherwise: Value) -> Value:
    """The value of the first pattern in a table that matches a name."""
    return next((value for pattern, value in table.items() if fnmatchcase(name, pattern)), otherwise)


def first_match_of_path(path: str, table: Mapping[str, Value], otherwise: Value) -> Value:
    """The value of the first match: patterns with a slash match the path, others only its last part."""
    name = path.rpartition("/")[2]
    fits = (fnmatchcase(path if "/" in pattern else name, pattern) for pattern in table)
    return next((value for fit, value in zip(fits, table.values(), strict=True) if fit), otherwise)


def refuse_skipped(name: str, patterns: Iterable[str], parameter: str) -> None:
    """Raise InputError where one of the patterns, listed in `parameter`, matches a name."""
    for pattern in patterns:
        if fnmatchcase(name, pattern):
            raise InputError(f"left out: {parameter} names '{pattern}'")
