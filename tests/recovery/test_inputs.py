"""The input files of a recovery."""

import os

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.recovery.inputs import files_of, named_apart, source_of


def test_one_file_is_called_after_its_stem(tmp_path):
    file = tmp_path / "walk.csv"
    file.touch()
    assert files_of(str(file)) == {"walk": file}


def test_a_name_that_no_text_can_hold_is_spelt_out(tmp_path):
    file = tmp_path / os.fsdecode(b"a\n\x1b[31m\xff.csv")
    file.touch()
    for given in (file, tmp_path):
        assert files_of(str(given)) == {r"a\n\x1b[31m\udcff": file}


def test_a_folder_gives_its_recordings_and_nothing_else(tmp_path):
    for name in ("b.csv", "a.txt", "a.csv", "notes.md"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    assert list(files_of(str(tmp_path))) == ["a.csv", "a.txt", "b"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "recovery.input names no file; pass a headset's recording"),
        ("{folder}/nothing.csv", "there is no file or folder at"),
        ("{folder}", r"holds no file that ends in \.csv"),
    ],
)
def test_what_is_not_there_is_said(given, sentence, tmp_path):
    with pytest.raises(InputError, match=sentence):
        files_of(given and given.format(folder=tmp_path))


def test_a_name_that_another_file_has_taken_gets_its_folder_s_before_it_and_then_a_number(tmp_path):
    monday, tuesday, other = (tmp_path / name / "head.csv" for name in ("monday", "tuesday", "other/monday"))
    sources: dict[str, str] = {}
    for file, name in ((monday, "head"), (tuesday, "tuesday_head"), (other, "monday_head"), (monday, "head")):
        assert named_apart({"head": file}, sources) == {name: file}
        sources[name] = str(file)
    last = tmp_path / "last/monday/head.csv"
    assert named_apart({"head": last}, sources) == {"head_2": last}
    assert named_apart({"head": tuesday}, sources) == {"tuesday_head": tuesday}


def test_a_folder_s_name_that_no_text_can_hold_is_spelt_out(tmp_path):
    file = tmp_path / os.fsdecode(b"b\xff") / "head.csv"
    source = source_of(file)
    assert source == rf"{tmp_path}/b\udcff/head.csv"
    assert named_apart({"head": file}, {"head": source}) == {"head": file}
    assert named_apart({"head": file}, {"head": "another"}) == {r"b\udcff_head": file}


def test_of_one_folder_no_two_files_get_one_name(tmp_path):
    files = {name: tmp_path / "a" / f"{name}.csv" for name in ("head", "a_head", "head_2")}
    named = named_apart(files, {"head": "/b/head.csv"})
    assert named == {"head_3": files["head"], "a_head": files["a_head"], "head_2": files["head_2"]}
