"""JSON files that are read back: parsed, and held to what was written, with the file named in every fault."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

Record = TypeVar("Record")

SHOWN = 120  # characters of what is wrong with a file


def read_record(path: Path, kind: TypeAdapter[Record]) -> Record:
    """What a JSON file holds, as a record of a kind; InputError, with the path, where it is none."""
    return _record(text_of(path), f"'{path}'", kind)


def read_records(path: Path, kind: TypeAdapter[Record], whole_lines: bool = False) -> list[Record]:
    """What every line of a file holds, as records of a kind; InputError, with the line, where one is none.

    With `whole_lines`, what follows the last line end is left out.
    """
    text = text_of(path)
    lines = (text.rpartition("\n")[0] if whole_lines else text).splitlines()
    return [_record(line, f"'{path}', line {number}", kind) for number, line in enumerate(lines, start=1)]


def not_as_written(where: str, fault: str) -> InputError:
    """The sentence on a file of a run that is not what a run writes."""
    return InputError(f"{where} is not as it was written: {shown(fault, SHOWN)}; restore or delete it")


def text_of(path: Path) -> str:
    """The text of a file of a run; InputError where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_as_written(f"'{path}'", f"byte {error.start} is not UTF-8") from error


def held(value: Any, where: str, kind: TypeAdapter[Record]) -> Record:
    """A value as a record of a kind; InputError, with its first fault, where it is none."""
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise not_as_written(where, f"{place}: {first['msg']}" if place else first["msg"]) from error


def _record(text: str, where: str, kind: TypeAdapter[Record]) -> Record:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_as_written(where, str(error)) from error
    return held(value, where, kind)
