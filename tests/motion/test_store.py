import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from motiongrpo.base.errors import InputError
from motiongrpo.motion.grounding import ground
from motiongrpo.motion.store import FileVerdict, StoreHeader, StoreWriter, open_store
from tests.bodies import CONTACT, FLOOR, FPS, open_body, standing_clip, stored, stored_arrays, synthetic_clips

HEADER = StoreHeader(fps=FPS, body_digest="body")


def grounded(frames: int, name: str = "clip", subject: str = "a"):
    return ground(standing_clip(frames, name, subject), open_body(), FLOOR, CONTACT)


def verdict(name: str, *clips) -> FileVerdict:
    return FileVerdict(name, "accepted" if clips else "refused", "" if clips else "why", 1.0, list(clips))


def test_what_goes_in_comes_out(tmp_path):
    clips = synthetic_clips(3)
    store = stored(tmp_path, clips)
    for clip, (_, row) in zip(clips, store.sequences.iterrows(), strict=True):
        frames = slice(row["first"], row["first"] + row["frames"])
        expected = clip.clip.q_parent_joint[:, :21].float().numpy()
        assert_array_equal(stored_arrays(store)["q_body"][frames], expected)
        assert_array_equal(stored_arrays(store)["contacts"][frames], clip.contacts.numpy())
        assert_array_equal(stored_arrays(store)["T_world_cpf"][frames], clip.T_world_cpf.float().numpy())
        assert row["subject"] == clip.clip.subject
    assert_array_equal(store.betas, torch.stack([c.clip.betas for c in clips]).float().numpy())


def test_refused_files_are_listed_and_hold_no_motion(tmp_path):
    writer = StoreWriter(tmp_path, HEADER, "g")
    writer.append(verdict("bad"))
    writer.append(verdict("good", grounded(10)))
    writer.finish()
    store = open_store(tmp_path)
    assert store.files["verdict"].tolist() == ["refused", "accepted"]
    assert store.files["reason"].tolist() == ["why", ""]
    assert len(store.sequences) == 1


def test_hands_that_move_are_noticed(tmp_path):
    still = grounded(10)
    still.clip.q_parent_joint[:, 21:] = torch.tensor([1.0, 0, 0, 0]).double()
    store = stored(tmp_path, [grounded(10), still])
    assert store.sequences["has_hands"].tolist() == [True, False]


def test_a_clip_without_hands_is_stored_with_open_ones(tmp_path):
    clip = grounded(10)
    bare = replace(clip, clip=replace(clip.clip, q_parent_joint=clip.clip.q_parent_joint[:, :21]))
    store = stored(tmp_path, [bare])
    assert_array_equal(stored_arrays(store)["q_hand"], np.tile(np.float32([1, 0, 0, 0]), (10, 30, 1)))
    assert_array_equal(stored_arrays(store)["q_body"], clip.clip.q_parent_joint[:, :21].float().numpy())
    assert store.sequences["has_hands"].tolist() == [False]


def test_a_kill_between_frames_and_log_line_leaves_nothing(tmp_path):
    """Frames without their line are overwritten, and so is half a line."""
    writer = StoreWriter(tmp_path, HEADER, "g")
    writer.append(verdict("one", grounded(10)))
    with (tmp_path / "g" / "q_body.bin").open("ab") as file:
        file.write(b"half a clip")
    with (tmp_path / "g" / "files.jsonl").open("a") as log:
        log.write(json.dumps({"file": "two"})[:9])
    again = StoreWriter(tmp_path, HEADER, "g")
    assert again.done == {"one"}
    again.append(verdict("two", grounded(12)))
    again.finish()
    store = open_store(tmp_path)
    assert store.sequences["frames"].tolist() == [10, 12]
    whole = stored(tmp_path / "whole", [grounded(10), grounded(12)])
    assert_array_equal(stored_arrays(store)["q_body"], stored_arrays(whole)["q_body"])


def test_a_store_is_the_old_one_until_the_new_one_is_finished(tmp_path):
    old = StoreWriter(tmp_path, HEADER, "old")
    old.append(verdict("one", grounded(10)))
    old.finish()
    new = StoreWriter(tmp_path, HEADER, "new")
    new.append(verdict("two", grounded(20)))
    assert open_store(tmp_path).sequences["frames"].tolist() == [10]
    new.finish()
    assert open_store(tmp_path).sequences["frames"].tolist() == [20]


def test_a_missing_empty_or_damaged_store_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no finished motion store"):
        open_store(tmp_path)
    writer = StoreWriter(tmp_path, HEADER, "g")
    writer.append(verdict("bad"))
    with pytest.raises(
        InputError,
        match=r"every file was refused, 1 in all, the first, 'bad', because: why; '.*files\.jsonl'",
    ):
        writer.finish()
    with pytest.raises(InputError, match="there is no finished motion store"):
        open_store(tmp_path)
    writer.append(verdict("good", grounded(10)))
    writer.finish()
    (tmp_path / "g" / "q_body.bin").write_bytes(b"")
    with pytest.raises(InputError, match="is shorter than its 10 frames"):
        open_store(tmp_path)


@pytest.fixture
def finished(tmp_path):
    """The folder of a store with one file."""
    writer = StoreWriter(tmp_path, HEADER, "g")
    writer.append(verdict("good", grounded(10)))
    writer.finish()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("CURRENT", "../elsewhere", r"CURRENT' names 'elsewhere', which is no generation beside it; run the"),
        ("g/header.json", "{", r"header\.json' is not as it was written: Expecting property name"),
        ("g/header.json", '{"fps": 0, "body_digest": ""}', r"header\.json' .*: fps: Input should be greater"),
        ("g/files.jsonl", "", r"files\.jsonl' lists no motion; delete '.*' and run the ingestion pipeline"),
        ("g/files.jsonl", '{"file": "a"}\n', r"files\.jsonl', line 1 is not .*: verdict: Field required"),
    ],
)
def test_a_store_that_was_edited_by_hand_is_refused_by_the_name_of_its_file(
    file, content, sentence, finished
):
    (finished / file).write_text(content)
    with pytest.raises(InputError, match=sentence):
        open_store(finished)


def test_two_ingestions_at_once_leave_a_store_that_is_refused(tmp_path):
    """Each writer counts its own frames only, so its rows point into those of the other."""
    first, second = (StoreWriter(tmp_path, HEADER, "g") for _ in range(2))
    first.append(verdict("a", grounded(10, "walk")))
    second.append(verdict("b", grounded(12, "run")))
    first.finish()
    with pytest.raises(
        InputError, match=r"lets 'run' begin at frame 0, but those before it end at 10.*delete"
    ):
        open_store(tmp_path)


def test_a_file_that_the_log_lists_twice_is_refused(tmp_path):
    writer = StoreWriter(tmp_path, HEADER, "g")
    for _ in range(2):
        writer.append(verdict("a", grounded(10)))
    writer.finish()
    with pytest.raises(InputError, match=r"files.jsonl' lists 'a' twice, as two ingestions at once would"):
        open_store(tmp_path)
