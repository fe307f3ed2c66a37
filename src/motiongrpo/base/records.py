"""JSON and CSV files that are read back: parsed, and held to what was written; every fault names the file."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pandas as pd
from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

Record = TypeVar("Record")

SHOWN = 120  # characters of what is wrong with a file


def _not_infinite(value: float) -> float:
    if math.isinf(value):
        raise ValueError(f"a number must be finite, got {value}")
    return value


Measure = Annotated[
    float, BeforeValidator(lambda cell: math.nan if cell == "" else cell), AfterValidator(_not_infinite)
]
"""A number of a table, NaN where its cell is empty."""


def read_record(path: Path, kind: TypeAdapter[Record]) -> Record:
    """What a JSON file holds, as a record of a kind; InputError, with the path, where it is none."""
    return _record(_text(path), f"'{path}'", kind)


def read_records(path: Path, kind: TypeAdapter[Record], whole_lines: bool = False) -> list[Record]:
    """What every line of a file holds, as records of a kind; InputError, with the line, where one is none.

    With `whole_lines`, what follows the last line end is left out.
    """
    text = _text(path)
    lines = (text.rpartition("\n")[0] if whole_lines else text).splitlines()
    return [_record(line, f"'{path}', line {number}", kind) for number, line in enumerate(lines, start=1)]


def read_table(path: Path, row: type[Any]) -> pd.DataFrame:
    """The columns of a CSV file that a row, a typed dictionary, has; InputError, with the row, on others."""
    where, columns = f"'{path}'", list(row.__annotations__)
    try:
        reader = csv.DictReader(io.StringIO(_text(path)), strict=True)
        rows, names = list(reader), reader.fieldnames or []
    except csv.Error as error:
        raise not_as_written(where, str(error)) from error
    if lacking := [name for name in columns if name not in names]:
        raise not_as_written(where, f"column '{lacking[0]}' is missing")
    kind = TypeAdapter(row)
    held = [_held(cells, f"{where}, row {number}", kind) for number, cells in enumerate(rows, start=1)]
    return pd.DataFrame(held, columns=columns)


def not_as_written(where: str, fault: str) -> InputError:
    """The sentence on a file of a run that is not what a run writes."""
    return InputError(f"{where} is not as it was written: {shown(fault, SHOWN)}; restore or delete it")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_as_written(f"'{path}'", f"byte {error.start} is not UTF-8") from error


def _record(text: str, where: str, kind: TypeAdapter[Record]) -> Record:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_as_written(where, str(error)) from error
    return _held(value, where, kind)


def _held(value: Any, where: str, kind: TypeAdapter[Record]) -> Record:
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise not_as_written(where, f"{place}: {first['msg']}" if place else first["msg"]) from error
