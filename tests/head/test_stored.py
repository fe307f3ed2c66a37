"""Head recordings are the same after saving and loading."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.head.path import Floor, HeadRecording, Stretch
from motiongrpo.head.stored import load_head_recording, save_head_recording


def stretch(frames: int, start: float) -> Stretch:
    torch.manual_seed(frames)
    time = start + torch.arange(frames, dtype=torch.float64) / 30
    return Stretch(torch.randn(frames, 7), time, torch.arange(frames))


def test_a_recording_comes_back_as_it_was(tmp_path):
    before = HeadRecording(
        "a [b] ü.csv",
        "tum",
        30.0,
        (stretch(40, 1e6), stretch(33, 2e6)),
        Floor(-1.6, "estimated", 0.15),
        {"rows": 100, "rate_hz": 71.9},
        ("a warning",),
        ("a repair", "another"),
    )
    save_head_recording(before, tmp_path / "a.npz")
    after = load_head_recording(tmp_path / "a.npz")
    same = ("name", "format", "fps", "floor", "facts", "warnings", "repairs")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    for was, now in zip(before.stretches, after.stretches, strict=True):
        for name in ("T_world_cpf", "source_s", "touched"):
            assert_close(getattr(now, name), getattr(was, name), rtol=0, atol=0)


def test_a_file_that_is_no_recording_is_named(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(InputError, match=r"a\.npz' is not a whole head recording"):
        load_head_recording(tmp_path / "a.npz")
