"""The files that a recovery is asked for."""

import os

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.recovery.inputs import files_of


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
