"""The rows of a BVH file: conversion of text to numbers, and the errors of rows that are not numbers.

Text that is as exporters write it is cut and converted as a whole; whatever is odd about it is left to a
slower reader, which knows more ways to write a number (`+1`) and finds the place of a fault.
"""

import re

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

NEWLINE = b"\n"
GLUED = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?(?:[+-][0-9.]+(?:[eE][+-]?[0-9]+)?)+")


def lines_in(text: bytes) -> int:
    """The number of complete lines in a text."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(NEWLINE)))


def read_rows(
    text: bytes, channels: list[str], where: str, first_line: int, first_frame: int
) -> Float[np.ndarray, "frame channel"]:
    """The numbers of whole lines in UTF-8, one row per frame; blank lines are skipped.

    InputError names the line or frame of what is no number, counted on from those given.
    """
    values = _plain_rows(text, len(channels))
    if values is None:
        values = _rows(text.decode().split("\n"), channels, where, first_line)
        _demand_finite(values, channels, where, first_frame)
    return values


def _plain_rows(text: bytes, columns: int) -> Float[np.ndarray, "frame channel"] | None:
    """The numbers of rows that all have `columns` finite numbers; None for anything else.

    The end of a line becomes a word that reads as NaN, so NaNs tell whether rows are of equal length. Words
    and the blanks between them are strings in turn, of which Arrow converts the former.
    """
    lines = b" " + text.strip().replace(b"\t", b" ") + NEWLINE
    if b"n" in lines or b"N" in lines:
        return None
    characters = np.frombuffer(lines.replace(NEWLINE, b" nan "), np.uint8)
    bounds = np.flatnonzero(np.diff(characters == ord(" ")))
    count = len(bounds) - 1
    is_word = np.full(count // 8 + 1, 0b01010101, np.uint8)
    buffers = map(pa.py_buffer, (bounds, characters[1:], is_word))
    try:
        numbers = pa.LargeStringArray.from_buffers(count, *buffers).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    words = np.frombuffer(numbers.buffers()[1], count=count)[::2]
    if columns == 0 or len(words) % (columns + 1):
        return None
    rows = words.reshape(-1, columns + 1)
    plain = np.isfinite(rows[:, :-1]).all() and np.isnan(rows[:, -1]).all()
    return rows[:, :-1] if plain else None


def _rows(
    rows: list[str], channels: list[str], where: str, first_line: int
) -> Float[np.ndarray, "frame channel"]:
    frames = list(filter(None, map(str.strip, rows)))
    if not frames:
        return np.empty((0, len(channels)))
    try:
        values = np.loadtxt(frames, comments=None, ndmin=2)
    except ValueError as error:
        raise InputError(_first_fault(rows, channels, where, first_line)) from error
    if values.shape[1] != len(channels):
        raise InputError(_first_fault(rows, channels, where, first_line))
    return values


def _demand_finite(
    values: Float[np.ndarray, "frame channel"], channels: list[str], where: str, first_frame: int
) -> None:
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        frame, value = first_frame + row, values[row, column]
        raise InputError(f"{where}, frame {frame}: {channels[column]} is {value}; cut the take around it")


def _first_fault(rows: list[str], channels: list[str], where: str, first_line: int) -> str:
    """The error about the first row that is not one number per channel."""
    for number, line in enumerate(rows, start=first_line):
        words = line.split()
        wrong = next((place for place, word in enumerate(words) if not _is_number(word)), None)
        if wrong is not None and GLUED.fullmatch(words[wrong]):
            glued = f"'{shown(words[wrong])}' is several numbers without a space between them"
            return f"{where}, line {number}: {glued}; put spaces there, or export the file again"
        if words and len(words) != len(channels):
            count = f"expected {len(channels)} numbers, one per channel, got {len(words)}"
            odd = "" if wrong is None else f", and '{shown(words[wrong])}' is none"
            return f"{where}, line {number}: {count}{odd}; the file is cut or damaged there, get it again"
        if wrong is not None:
            return f"{where}, line {number}: {channels[wrong]} must be a number, got '{shown(words[wrong])}'"
    return f"{where}: its motion is not a table of numbers; get the file again"


def _is_number(word: str) -> bool:
    """Whether a word is a number, without the underscores between digits that Python allows."""
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word
