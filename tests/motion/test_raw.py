"""Detection of files that have changed since their ingestion."""

import lzma
import math
import os
import shutil
from pathlib import Path

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.datasets.raw_motions import RawMotionFolder
from motiongrpo.motion import raw
from motiongrpo.motion.raw import UNREADABLE, Fingerprint, MostMegabytes, RawFile, fingerprints

MOST = MostMegabytes(bvh=0.01, amc=1, npz=1, hdf5=1, other=1)


def seen(folder: Path, known: dict[str, Fingerprint] | None = None) -> dict[str, Fingerprint]:
    return dict(fingerprints(RawMotionFolder(str(folder)).load().files.values(), known or {}, MOST))


def write(path: Path, content: bytes, at: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(at, at))


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The names of the files that were opened."""
    names = []
    digest = raw._digest
    monkeypatch.setattr(raw, "_digest", lambda file: names.append(file.name) or digest(file))
    return names


def test_a_file_is_read_once_and_again_when_it_was_touched(tmp_path, read):
    write(tmp_path / "a.bvh", b"one", 1)
    write(tmp_path / "b.bvh", b"two", 1)
    first = seen(tmp_path)
    assert read == ["a.bvh", "b.bvh"]
    assert seen(tmp_path, first) == first
    assert read == ["a.bvh", "b.bvh"]
    write(tmp_path / "b.bvh", b"two", 2)
    assert seen(tmp_path, first)["b.bvh"].digest == first["b.bvh"].digest
    assert read[2:] == ["b.bvh"]


def test_a_file_repaired_in_place_at_the_same_size_is_another(tmp_path):
    write(tmp_path / "a.bvh", b"nan", 1)
    before = seen(tmp_path)
    write(tmp_path / "a.bvh", b"0.5", 2)
    after = seen(tmp_path, before)["a.bvh"]
    assert after.size == before["a.bvh"].size
    assert after.digest != before["a.bvh"].digest


def test_a_copy_holds_what_the_original_holds(tmp_path):
    write(tmp_path / "one/x/a.bvh", b"motion", 1)
    copied = shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copy)
    before, after = seen(tmp_path / "one"), seen(copied, seen(tmp_path / "one"))
    assert after["x/a.bvh"].modified_ns != before["x/a.bvh"].modified_ns
    assert after["x/a.bvh"].digest == before["x/a.bvh"].digest


def test_pictures_and_archives_beside_motion_are_not_read(tmp_path, monkeypatch):
    for name in ("a.jpeg", "take.MP4", "all.tar.bz2"):
        write(tmp_path / name, b"large", 1)
    monkeypatch.setattr(Path, "open", None)
    assert {file.digest for file in seen(tmp_path).values()} == {""}


def test_a_file_that_is_too_large_is_neither_read_nor_fingerprinted(tmp_path):
    with (tmp_path / "sparse.bvh").open("wb") as file:
        file.truncate(6_000_000_000)
    assert seen(tmp_path)["sparse.bvh"].digest == ""
    with pytest.raises(
        InputError, match=r"'sparse\.bvh' holds more than 0\.01 MB; if that is motion, cut it"
    ):
        raw_file(tmp_path / "sparse.bvh").read(MOST.bytes_of("sparse.bvh"))


def raw_file(path: Path) -> RawFile:
    return RawFile(path.name, path, 1, 0)


def test_what_unpacks_to_too_much_is_given_up_at_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(raw, "PIECE", 1000)
    (tmp_path / "a.bvh.xz").write_bytes(lzma.compress(bytes(10_000)))
    (tmp_path / "b.bvh.xz").write_bytes(lzma.compress(bytes(10_001)))
    assert raw_file(tmp_path / "a.bvh.xz").read(MOST.bytes_of("a.bvh.xz")) == bytes(10_000)
    with pytest.raises(InputError, match=r"'b\.bvh\.xz' holds more than 0\.01 MB"):
        raw_file(tmp_path / "b.bvh.xz").read(MOST.bytes_of("b.bvh.xz"))


def test_bounds_are_by_kind_and_none_holds_for_what_is_not_read_whole():
    assert MOST.bytes_of("a/b.BVH.xz") == 1e4
    assert MOST.bytes_of("egoallo.hdf5") == math.inf
    assert {MOST.bytes_of(f"a.{kind}") for kind in ("amc", "npz", "asf", "pkl", "json", "txt")} == {1e6}


def test_a_file_that_may_not_be_read_is_told_and_tried_again(tmp_path):
    """A folder is used instead of such a file, since the user of the tests may be able to read all files."""
    (tmp_path / "a.bvh").mkdir()
    listed = [RawFile("a.bvh", tmp_path / "a.bvh", 5, 1)]
    known = dict(fingerprints(listed, {}, MOST))
    assert known["a.bvh"].digest == UNREADABLE
    (tmp_path / "a.bvh").rmdir()
    (tmp_path / "a.bvh").write_bytes(b"mended")
    assert dict(fingerprints(listed, known, MOST))["a.bvh"].digest not in ("", UNREADABLE)


def test_what_went_away_or_became_a_pipe_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"'a\.bvh' cannot be read: No such file"):
        raw_file(tmp_path / "a.bvh").read()
    os.mkfifo(tmp_path / "a.bvh")
    with pytest.raises(InputError, match=r"'a\.bvh' is not a file, but a pipe"):
        raw_file(tmp_path / "a.bvh").read()


def test_pipes_are_not_listed_and_names_are_spelt_out_where_they_cannot_be_shown(tmp_path):
    os.mkfifo(tmp_path / "pipe.bvh")
    for name in (b"\xff_01.bvh", b"red\x1b[31m.bvh", "größe.bvh".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(b"motion")
    files = RawMotionFolder(str(tmp_path)).load().files
    assert files.keys() == {"größe.bvh", "red\\x1b[31m.bvh", "\\udcff_01.bvh"}
    assert {file.read() for file in files.values()} == {b"motion"}
