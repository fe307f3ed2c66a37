"""Whole files made damaged: what disks, downloads, editors and other programs do to them, from a seed."""

import io
import re
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """Bits among the first, where headers are."""
    return flipped(content[:400], random) + content[400:]


def replaced(content: bytes, random: np.random.Generator) -> bytes:
    """A run of bytes by others."""
    place, length = random.integers(len(content)), random.integers(1, 200)
    return content[:place] + random.bytes(int(length)) + content[place + length :]


def zeroed(content: bytes, random: np.random.Generator) -> bytes:
    """A run of bytes by zeros, as of a sector that was never written."""
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
    """One number by a word that is none, or a number beyond bounds."""
    numbers = list(NUMBER.finditer(content))
    if not numbers:
        return inserted(content, random)
    found = numbers[random.integers(len(numbers))]
    return content[: found.start()] + WORDS[random.integers(len(WORDS))] + content[found.end() :]


def inserted(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes that steer a terminal, a parser or a decoder."""
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
    """`count` damaged files, the kinds of damage in turn, each named by its number and kind."""
    random = np.random.default_rng(seed)
    for number in range(count):
        damage = DAMAGES[(number + seed) % len(DAMAGES)]
        yield f"{number:03d}_{damage.__name__}", damage(content, random)


def repacked(content: bytes, number: int) -> bytes:
    """An archive of which one member is damaged, and its checksum is right."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(file, "w") as archive:
        names = whole.namelist()
        for name in names:
            ((_, changed),) = damaged(whole.read(name), number, 1)
            archive.writestr(name, changed if name == names[number % len(names)] else whole.read(name))
    return file.getvalue()


def assert_one_sentence(text: str) -> None:
    """Less than 400 characters on one line that a terminal takes as they are."""
    assert 0 < len(text) < 400, text[:1000]
    assert text.isprintable(), repr(text)


@contextmanager
def within(seconds: float = 20, megabytes: float = 1500) -> Iterator[None]:
    """Fail where what is done here takes more time of a processor, or makes this process larger by more."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3 < megabytes
