"""Telling a changed file from the one that was ingested."""

import os
import shutil
from pathlib import Path

import pytest

from motiongrpo.datasets.raw_motions import RawMotionFolder
from motiongrpo.motion import raw
from motiongrpo.motion.raw import Fingerprint, fingerprints


def seen(folder: Path, known: dict[str, Fingerprint] | None = None) -> dict[str, Fingerprint]:
    return dict(fingerprints(RawMotionFolder(str(folder)).load().files.values(), known or {}))


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
