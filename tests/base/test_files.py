import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file, replace_text, sweep


def test_text_comes_back_letter_by_letter_and_folders_are_made(tmp_path):
    replace_text(tmp_path / "a" / "b" / "c.txt", "ρ → °\n")
    assert (tmp_path / "a/b/c.txt").read_bytes() == "ρ → °\n".encode()
    replace_text(tmp_path / "a" / "b" / "c.txt", "short")
    assert (tmp_path / "a/b/c.txt").read_text() == "short"


def test_until_the_new_file_is_whole_the_old_one_is_there(tmp_path):
    path = tmp_path / "a.txt"
    replace_text(path, "old")

    def write(temporary: Path) -> None:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent  # a rename across file systems would be a copy
        temporary.write_text("new")

    replace_file(path, write)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_writing_that_fails_or_is_interrupted_leaves_the_old_file_alone(fault, tmp_path):
    path = tmp_path / "a.txt"
    replace_text(path, "old")

    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise fault

    with pytest.raises(type(fault)):
        replace_file(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_leaves_is_hidden_and_ends_in_partial(tmp_path):
    """So no glob for models or scores matches it."""
    names = []
    replace_file(tmp_path / "a.json", lambda temporary: (names.append(temporary.name), temporary.touch()))
    assert names[0].startswith(".a.json.")
    assert names[0].endswith(".partial")


def test_a_written_file_can_be_read_by_others_as_any_other_file_can(tmp_path):
    (tmp_path / "plain").touch()
    replace_text(tmp_path / "text", "")
    replace_file(tmp_path / "tensors", lambda temporary: save_file({"a": torch.zeros(1)}, temporary))
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    mine = [tmp_path / name for name in ("a.json", ".b.partial", "c.partial", ".hidden", ".d.12.partial")]
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine.append(tmp_path / f".e.json.{os.getpid()}.0123abcd.partial")
    left = tmp_path / "deep" / f".a.json.{dead.pid}.0123abcd.partial"
    left.parent.mkdir()
    for path in [*mine, left]:
        path.touch()
    folder = tmp_path / f".walk.{dead.pid}.0123abcd.partial"
    folder.mkdir()
    (folder / "walk.bvh").touch()
    sweep(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(mine)


@pytest.fixture
def small_files():
    """Limit the files of this process to one page, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_with_the_path_and_leaves_the_old_file(small_files, tmp_path):
    path = tmp_path / "a.txt"
    replace_text(path, "old")
    with pytest.raises(OSError, match="File too large") as told:
        replace_text(path, "new" * 4096)
    assert told.value.filename == str(path)
    with pytest.raises(InputError, match=rf"'{path}' cannot be written \(.*\); mend that, or name another"):
        replace_file(path, lambda temporary: save_file({"a": torch.zeros(4096)}, temporary))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
