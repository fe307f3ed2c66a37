"""CSV files that are read back: parsed and validated, with the file named in every error."""

import csv
import io
import math
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator, BeforeValidator, TypeAdapter

from motiongrpo.base.records import held, not_as_written, text_of


def _not_infinite(value: float) -> float:
    if math.isinf(value):
        raise ValueError(f"a number must be finite, got {value}")
    return value


Measure = Annotated[
    float, BeforeValidator(lambda cell: math.nan if cell == "" else cell), AfterValidator(_not_infinite)
]
"""A number of a table, NaN where its cell is empty."""


def read_table(path: Path, row: type[Any]) -> pd.DataFrame:
    """The columns of a CSV file that the typed dictionary `row` names; InputError, with the row, or else."""
    where, columns = f"'{path}'", list(row.__annotations__)
    try:
        reader = csv.DictReader(io.StringIO(text_of(path)), strict=True)
        rows, names = list(reader), reader.fieldnames or []
    except csv.Error as error:
        raise not_as_written(where, str(error)) from error
    if lacking := [name for name in columns if name not in names]:
        raise not_as_written(where, f"column '{lacking[0]}' is missing")
    kind = TypeAdapter(row)
    found = [held(cells, f"{where}, row {number}", kind) for number, cells in enumerate(rows, start=1)]
    return pd.DataFrame(found, columns=columns)
