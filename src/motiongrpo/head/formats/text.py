"""Text files of rows, as exports of any locale write them: opened, laid out, and read as numbers.

Byte-order marks, either line end, commas, semicolons, tabs or blanks between fields, decimal commas, quotes,
comments and blank lines are all read. A file is read in blocks of lines, so memory holds its numbers alone.
"""

import codecs
import csv
import io
import re
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

LARGEST_BYTES = 500_000_000
MOST_ROWS = 20_000_000
BLOCK = 100_000  # lines parsed at a time
SAMPLE = 50  # lines from which the layout is found

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins with that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BLANKS = " \t"
COMMENTS = ("#", "//", "%")
MISSING = ("", "nan", "NaN", "NAN", "-nan", "-nan(ind)", "NA", "N/A", "null", "NULL", "None")
NUMBER = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|inf|Infinity)", re.ASCII)
COMMA_NUMBER = re.compile(r"[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?")
POINTS_AND_COMMAS = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Sheet:
    """How a file of rows is laid out, as its first lines show."""

    path: Path
    where: str  # names the file in messages
    encoding: str
    separator: str | None  # None: blanks
    decimal: str
    names: tuple[str, ...]  # of the columns, where a header says them
    commented: bool  # the header is a comment
    first: tuple[str, ...]  # the fields of the first row
    header_line: int  # 0 where the first row comes first

    @property
    def width(self) -> int:
        """The number of fields that a row has."""
        return len(self.first) if self.commented else len(self.names or self.first)

    def column(self, place: int) -> str:
        """How a column is called in messages."""
        return f"'{shown(self.names[place])}'" if self.names else f"column {place}"

    def words(self, line: str) -> list[str]:
        """The fields of a line."""
        return _words(line, self.separator)

    def fault(self, line: str, places: Mapping[str, int]) -> str | None:
        """What is wrong with a line, of which the columns at `places` must be numbers."""
        words = self.words(line)
        if len(words) != self.width:
            return f"it has {len(words)} of {self.width} fields"
        for place in sorted(places.values()):
            if not _is_number(words[place], self.decimal) and words[place] not in MISSING:
                return f"{self.column(place)} is '{shown(words[place])}', which is no number"
        return None

    def rows(self) -> Iterator[tuple[int, str]]:
        """Every row as its line, with its number from 1, without quotes and a separator too many."""
        mark = self.separator or ""
        with self.path.open(encoding=self.encoding, errors="replace") as file:
            for number, line in _content(file):
                if number <= self.header_line:
                    continue
                if mark and '"' in line:
                    line = mark.join(word.replace(mark, " ") for word in self.words(line))
                if mark and line.endswith(mark) and line.count(mark) == self.width:
                    line = line.removesuffix(mark)
                yield number, line

    def is_whole(self, line: str) -> bool:
        """Whether a row has as many fields as the others."""
        fields = len(self.words(line)) if self.separator is None else line.count(self.separator) + 1
        return fields == self.width


@dataclass
class Rows:
    """The numbers of a file by role, a value for each row."""

    line: Int[np.ndarray, " row"]
    columns: dict[str, np.ndarray]
    cut_end: bool  # the last line has no end: its last word may be a part of one
    notes: list[str] = field(default_factory=list)

    def without_last(self, note: str) -> "Rows":
        """The same without the last row, of which the note says why."""
        columns = {role: values[:-1] for role, values in self.columns.items()}
        return Rows(self.line[:-1], columns, False, [*self.notes, note])


def open_sheet(path: Path, where: str) -> Sheet:
    """Find the layout of a file from its first lines; InputError where it is no file, no text or empty."""
    demand_file(path, where)
    encoding = _encoding(path, where)
    comments: deque[str] = deque(maxlen=1)
    with path.open(encoding=encoding, errors="replace") as file:
        sample = list(islice(_content(file, comments), SAMPLE))
    if not sample:
        raise InputError(f"{where} holds no rows, only blank lines and comments")
    lines = [line for _, line in sample]
    separator, decimal = _dialect(lines[1:] or lines)
    first = tuple(_words(lines[0], separator))
    has_header = len(lines) > 1 and not any(_is_number(word, decimal) for word in first)
    if has_header:
        row = tuple(_words(lines[1], separator))
        first = first[: len(row)] if not any(first[len(row) :]) else first  # separators at its end
        return Sheet(path, where, encoding, separator, decimal, first, False, row, sample[0][0])
    first = first[:-1] if len(first) > 1 and not first[-1] else first  # a separator at its end
    comment = tuple(_words(comments[0].lstrip("#/% "), separator)) if comments else ()
    names = comment if len(comment) == len(first) else ()
    return Sheet(path, where, encoding, separator, decimal, names, bool(names), first, 0)


def read_rows(sheet: Sheet, places: Mapping[str, int], texts: Mapping[str, int]) -> Rows:
    """The columns at `places` as numbers and those at `texts` as words, by role, of every whole row.

    A last row that is not whole is left out with a note; InputError on any other that is not.
    """
    notes: list[str] = []
    rows, lines, blocks = _whole_rows(sheet, places, notes), [], []
    while block := list(islice(rows, BLOCK)):
        lines.append(np.array([number for number, _ in block]))
        blocks.append(_parsed(sheet, block, places, texts))
        if sum(map(len, lines)) > MOST_ROWS:
            raise InputError(f"{sheet.where} has more than {MOST_ROWS:,} rows: cut the recording into parts")
    if not blocks:
        raise InputError(f"{sheet.where} holds no whole row" + "".join(f"; {note}" for note in notes))
    columns = {role: np.concatenate([block[role] for block in blocks]) for role in blocks[0]}
    return Rows(np.concatenate(lines), columns, _cut_end(sheet.path), notes)


def demand_file(path: Path, where: str) -> None:
    """Raise InputError unless `path` is a regular file of a size that can be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{where} is a folder: name one file in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{where} is no regular file")
    if status.st_size == 0:
        raise InputError(f"{where} is empty")
    if status.st_size > LARGEST_BYTES:
        raise InputError(
            f"{where} has {status.st_size / 1e6:.0f} MB, more than {LARGEST_BYTES / 1e6:.0f}: "
            f"cut the recording into parts"
        )


def _encoding(path: Path, where: str) -> str:
    """That of the mark at the start, else UTF-8, whose bytes that are none are shown where they matter."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).rstrip(b"\0")  # a log that lost power may end in zeros
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}") from error
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise InputError(f"{where} is no text: byte {start.index(0)} is zero")
    return "utf-8-sig"


def _content(file: io.TextIOBase, comments: deque[str] | None = None) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without blank ones and comments; the comments go to `comments`."""
    for number, line in enumerate(file, start=1):
        line = line.strip(" \r\n\0")
        if line.startswith(COMMENTS):
            if comments is not None:
                comments.append(line)
        elif line and not line.isspace():
            yield number, line


def _dialect(lines: list[str]) -> tuple[str | None, str]:
    """The separator of fields, None for blanks, and the decimal mark."""
    line = lines[0]
    words = line.split()
    if ";" in line:
        separator = ";"
    elif "\t" in line:
        separator = "\t"
    elif "," in line and not (len(words) > 1 and all(COMMA_NUMBER.fullmatch(word) for word in words)):
        return ",", "."
    else:
        separator = None
    fields = [word for line in lines for word in _words(line, separator)]
    has_comma = any("," in word and COMMA_NUMBER.fullmatch(word) for word in fields)
    has_point = any("." in word and NUMBER.fullmatch(word) for word in fields)
    return separator, "," if has_comma and not has_point else "."


def _words(line: str, separator: str | None) -> list[str]:
    if separator is None:  # of what Python takes for blanks, pandas knows these two
        return re.split("[ \t]+", line.strip(BLANKS))
    fields = next(csv.reader([line], delimiter=separator)) if '"' in line else line.split(separator)
    return [word.strip(BLANKS) for word in fields]


def _is_number(word: str, decimal: str) -> bool:
    return NUMBER.fullmatch(word if decimal == "." else word.translate(POINTS_AND_COMMAS)) is not None


def _whole_rows(sheet: Sheet, places: Mapping[str, int], notes: list[str]) -> Iterator[tuple[int, str]]:
    """All rows but a last one that is not whole, which becomes a note."""
    previous = None
    for row in sheet.rows():
        if previous is not None:
            number, line = previous
            if not sheet.is_whole(line):
                raise InputError(
                    f"{sheet.where}, line {number}: {sheet.fault(line, {})}; the file is damaged there"
                )
            yield previous
        previous = row
    if previous is not None:
        number, line = previous
        if fault := sheet.fault(line, places):
            notes.append(f"line {number}, the last row, is not whole and was left out: {fault}")
        else:
            yield previous


def _parsed(
    sheet: Sheet, block: list[tuple[int, str]], places: Mapping[str, int], texts: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """The columns of a block of lines; whole numbers stay whole."""
    wanted = {**places, **texts}
    table = pd.read_csv(
        io.StringIO("\n".join(line for _, line in block)),
        sep=sheet.separator or r"\s+",
        decimal=sheet.decimal,
        header=None,
        usecols=sorted(set(wanted.values())),
        dtype={place: str for place in texts.values()},
        na_values=list(MISSING),
        keep_default_na=False,
        skipinitialspace=True,
        quoting=csv.QUOTE_NONE,
        low_memory=False,
    )
    for place in places.values():
        if table[place].dtype.kind not in "iuf":
            for number, line in block:
                if fault := sheet.fault(line, places):
                    raise InputError(f"{sheet.where}, line {number}: {fault}")
            table[place] = table[place].astype(np.float64)
    return {role: table[place].to_numpy() for role, place in wanted.items()}


def _cut_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) not in b"\r\n"
