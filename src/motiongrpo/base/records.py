"""JSON files that are read back: parsed and validated, with the file named in every error."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

Record = TypeVar("Record")

SHOWN = 120  # characters of what is wrong with a file


def read_record(path: Path, kind: TypeAdapter[Record]) -> Record:
    """A JSON file as a record of type `kind`; InputError, with the path, where it is invalid."""
    return _record(text_of(path), f"'{path}'", kind)


def read_records(path: Path, kind: TypeAdapter[Record], whole_lines: bool = False) -> list[Record]:
    """Each line of a file as a record of type `kind`; InputError, with the line, where one is invalid.

    With `whole_lines`, text after the last line end is left out.
    """
    text = text_of(path)
    lines = (text.rpartition("\n")[0] if whole_lines else text).splitlines()
    return [_record(line, f"'{path}', line {number}", kind) for number, line in enumerate(lines, start=1)]


def not_as_written(where: str, fault: str) -> InputError:
    """The error about a file of a run whose content no run can have written."""
    return InputError(f"{where} is not as it was written: {shown(fault, SHOWN)}; restore or delete it")


def text_of(path: Path) -> str:
    """The text of a file of a run; InputError where it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_as_written(f"'{path}'", f"byte {error.start} is not UTF-8") from error


def held(value: Any, where: str, kind: TypeAdapter[Record]) -> Record:
    """A value as a record of type `kind`; InputError, with the first fault, where it is invalid."""
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
