"""The files of a track: names, splits, equal bytes, and all or nothing."""

import zipfile

import pytest

from motiongrpo.export.files import export_track
from motiongrpo.motion.sources.mocap.bvh import parse_bvh
from tests.export.tracks import skinned_body, split_walk, walk

KINDS = ("bvh", "glb", "npz", "parquet")


def test_a_track_that_is_whole_is_one_file_a_kind_in_the_order_asked_for(tmp_path):
    files = export_track(walk(), skinned_body(), tmp_path / "take.v2", KINDS[::-1])
    assert [file.name for file in files] == ["take.v2.parquet", "take.v2.npz", "take.v2.glb", "take.v2.bvh"]
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_stretches_are_numbered_files_where_a_format_has_one_clock(tmp_path):
    files = export_track(split_walk(), skinned_body(), tmp_path / "a", KINDS)
    names = ["a_1.bvh", "a_2.bvh", "a_1.glb", "a_2.glb", "a.npz", "a.parquet"]
    assert [file.name for file in files] == names
    frames = [len(parse_bvh(file.read_text(), file.name).values) for file in files[:2]]
    assert frames == [10, 14]


def test_equal_tracks_are_equal_bytes_and_no_file_holds_the_time_it_was_written(tmp_path):
    first, second = (
        export_track(split_walk(), skinned_body(), tmp_path / name / "a", KINDS) for name in "xy"
    )
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name
    with zipfile.ZipFile(first[4]) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, kind):
    (file,) = export_track(walk(), skinned_body(), tmp_path / "a", [kind])
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        export_track(split_walk(), skinned_body(), tmp_path / "a", [kind])
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_written_where_nothing_is_asked_for(tmp_path):
    assert export_track(walk(), skinned_body(), tmp_path / "a", []) == []
    assert list(tmp_path.iterdir()) == []
