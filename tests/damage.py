"""Seeded damage to valid files, as by disks, downloads, editors and other programs."""

import csv
import io
import json
import re
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
WORDS = (
    *(b"1e400", b"-1e400", b"1e300", b"1e-310", b"-1", b"0", b"nan", b"inf", b"-Infinity", b"9" * 5000),
    *(b"18446744073709551616", b"1,5", b"0x10", b"1_000", b"\xd9\xa1", b"", b"true", b"null", b"--1"),
)
"""What may stand where a number should."""

STRAY = (
    b"\r",
    b"\0",
    b"\xff",
    b":",
    b"{",
    b"}",
    b"[[[[",
    b"\n\n",
    b"\t",
    b"#",
    b'"',
    b"\x1b[31m",
    b"\xe2\x80\xae",
)
"""What steers a parser, a decoder or a terminal."""

OTHERS = (
    *(b"", b"\n", b" ", b"\0" * 512, b"PK\x05\x06" + bytes(18), b"\x89HDF\r\n\x1a\n", b"\x1f\x8b\x08\x00"),
    *(b"%PDF-1.7\n", b"{}", b"[]", b"null", b"\x80\x04K\x01.", b"\xfd7zXZ\x00", b"<html>404</html>\n"),
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n",
    *(b"[" * 100_000, b"{" * 2000, b"(" * 2000, b'{"a":' * 5000, b"a: &a [*a]\n"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", bytes(8) + b"{}", b"\xa0\x86\x01\0\0\0\0\0" + b"{" * 100_000),
)
"""Whole files of another kind: empty ones, pages of errors, pointers of Git LFS, deep nests."""

Damage = Callable[[bytes, np.random.Generator], bytes]


def cut(content: bytes, random: np.random.Generator) -> bytes:
    return content[: random.integers(len(content))]


def flipped(content: bytes, random: np.random.Generator) -> bytes:
    """One to eight bits, anywhere."""
    changed = bytearray(content)
    for place in random.integers(len(content), size=random.integers(1, 9)):
        changed[place] ^= 1 << random.integers(8)
    return bytes(changed)


def flipped_at_the_start(content: bytes, random: np.random.Generator) -> bytes:
    """Bits near the start, where headers are."""
    return flipped(content[:400], random) + content[400:]


def replaced(content: bytes, random: np.random.Generator) -> bytes:
    """A run of bytes replaced by others."""
    place, length = random.integers(len(content)), random.integers(1, 200)
    return content[:place] + random.bytes(int(length)) + content[place + length :]


def zeroed(content: bytes, random: np.random.Generator) -> bytes:
    """A run of bytes replaced by zeros, like a sector that was never written."""
    place, length = random.integers(len(content)), int(random.integers(1, 4096))
    return (content[:place] + bytes(length) + content[place + length :])[: len(content)]


def lost(content: bytes, random: np.random.Generator) -> bytes:
    place, length = random.integers(len(content)), random.integers(1, 200)
    return content[:place] + content[place + length :]


def doubled(content: bytes, random: np.random.Generator) -> bytes:
    place, length = random.integers(len(content)), random.integers(1, 200)
    return content[: place + length] + content[place:]


def a_line_lost(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[random.integers(len(lines))]
    return b"".join(lines)


def a_line_doubled(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    place = random.integers(len(lines))
    return b"".join([*lines[: place + 1], *lines[place:]])


def another_number(content: bytes, random: np.random.Generator) -> bytes:
    """One number replaced by a word that is not a number, or by one out of bounds."""
    numbers = list(NUMBER.finditer(content))
    if not numbers:
        return inserted(content, random)
    found = numbers[random.integers(len(numbers))]
    return content[: found.start()] + WORDS[random.integers(len(WORDS))] + content[found.end() :]


def inserted(content: bytes, random: np.random.Generator) -> bytes:
    """Inserted bytes that control a terminal, a parser or a decoder."""
    words = (*WORDS, *STRAY)
    place = random.integers(len(content))
    return content[:place] + words[random.integers(len(words))] + content[place:]


def in_another_encoding(content: bytes, random: np.random.Generator) -> bytes:
    encoding = ("utf-16", "utf-16-le", "utf-32", "cp037", "utf-7")[random.integers(5)]
    return content.decode("latin-1").encode(encoding)


def of_another_kind(content: bytes, random: np.random.Generator) -> bytes:
    return OTHERS[random.integers(len(OTHERS))]


DAMAGES: tuple[Damage, ...] = (
    *(cut, flipped, flipped_at_the_start, replaced, zeroed, lost, doubled, a_line_lost, a_line_doubled),
    *(another_number, another_number, inserted, in_another_encoding, of_another_kind, of_another_kind),
)


def damaged(content: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files, with the kinds of damage in turn, each named by its number and kind."""
    random = np.random.default_rng(seed)
    for number in range(count):
        damage = DAMAGES[(number + seed) % len(DAMAGES)]
        yield f"{number:03d}_{damage.__name__}", damage(content, random)


VALUES = ([], {}, float("nan"), "x", "12", None, True, -1, 0, [[]], {"a": 1}, "", "\x1b[31m", "[red]")
"""What may stand where another value of JSON should."""

CELLS = ("", "x", "nan", "inf", "-5", "1e400", "[red]", "true", "9" * 20, "2.5", "\x1b[31m")
"""What may stand where another cell of a table should."""


def edited(content: bytes, suffix: str, random: np.random.Generator) -> bytes:
    """A file of JSON, JSON lines or CSV with one thing changed, as if by hand."""
    text = content.decode()
    if suffix == ".csv":
        return _edited_table(text, random).encode()
    if suffix == ".jsonl":
        lines = text.splitlines(keepends=True)
        place = random.integers(len(lines))
        lines[place] = json.dumps(_edited_value(json.loads(lines[place]), random)) + "\n"
        return "".join(lines).encode()
    return json.dumps(_edited_value(json.loads(text), random)).encode()


def _edited_value(value: Any, random: np.random.Generator) -> Any:
    """One value, at any depth, replaced, removed or renamed."""
    new, holder, key = VALUES[random.integers(len(VALUES))], None, None
    at, depth = value, random.integers(5)
    for _ in range(depth):
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        holder, key = at, keys[random.integers(len(keys))]
        at = holder[key]
    if holder is None:
        return new
    match random.integers(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder["other"] = holder.pop(key)
        case 1:
            holder.append(at)
        case _:
            holder[key] = new
    return value


def _edited_table(text: str, random: np.random.Generator) -> str:
    """A column removed or renamed, a row removed or duplicated, all rows removed, or a cell changed."""
    rows = list(csv.reader(io.StringIO(text)))
    column, row = random.integers(len(rows[0])), random.integers(1, len(rows))
    match random.integers(7):
        case 0:
            rows = [[*cells[:column], *cells[column + 1 :]] for cells in rows]
        case 1:
            rows[0][column] = "other"
        case 2:
            del rows[1:]
        case 3:
            rows.insert(row, rows[row])
        case 4:
            del rows[row]
        case _:
            rows[row][column] = CELLS[random.integers(len(CELLS))]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def repacked(content: bytes, number: int) -> bytes:
    """An archive with one damaged member whose checksum is correct."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(file, "w") as archive:
        names = whole.namelist()
        for name in names:
            ((_, changed),) = damaged(whole.read(name), number, 1)
            archive.writestr(name, changed if name == names[number % len(names)] else whole.read(name))
    return file.getvalue()


def assert_one_sentence(text: str) -> None:
    """Assert less than 400 printable characters on one line."""
    assert 0 < len(text) < 400, text[:1000]
    assert text.isprintable(), repr(text)


@contextmanager
def within(seconds: float = 20, megabytes: float = 1500) -> Iterator[None]:
    """Fail where the block needs more CPU time, or increases the memory of this process by more."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3 < megabytes
