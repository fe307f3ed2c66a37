import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import generator_for
from motiongrpo.body.kinematics import central_pupil_frame, pose_body
from motiongrpo.body.skeleton import MIRROR
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.motion.splits import SplitConfig, split_subjects
from motiongrpo.motion.windows import (
    TrainingWindows,
    WindowConfig,
    cut_into_windows,
    draw_windows,
    fault_of_windows,
    read_windows,
    split_rows,
    window_table,
)
from tests.bodies import open_body, stored, stored_arrays, synthetic_clips, window_batch

WINDOW = WindowConfig(length=16, at_least=8)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("store"), synthetic_clips(6, seconds=2.0))


def splits(store) -> dict[str, str]:
    subjects = store.sequences["subject"].tolist()
    return dict(zip(subjects, ["train"] * 4 + ["validation", "test"], strict=True))


def test_test_windows_tile_a_sequence_and_its_last_one_is_shorter(store):
    table = window_table(store, splits(store), WINDOW)
    test = table[table["split"] == "test"]
    assert test["start"].tolist() == [1, 17, 33, 49]
    assert test["length"].tolist() == [16, 16, 16, 11]  # 60 frames, the first has none before it
    train = table[table["split"] == "train"]
    assert train[["start", "length"]].drop_duplicates().to_numpy().tolist() == [[1, 59]]


def test_spans_are_cut_one_after_the_other_and_what_is_left_is_shorter_or_left_out():
    spans = pd.DataFrame({"sequence": [4, 7], "start": [1, 5], "length": [37, 25], "subject": ["a", "b"]})
    cut = cut_into_windows(spans, WINDOW)
    assert cut[["sequence", "start", "length"]].to_numpy().tolist() == [
        [4, 1, 16],
        [4, 17, 16],  # 5 frames are left, fewer than 8
        [7, 5, 16],
        [7, 21, 9],
    ]
    assert cut["subject"].tolist() == ["a", "a", "b", "b"]


def test_no_subject_is_in_two_splits():
    config = SplitConfig(
        only=None, test_subjects=["07"], validation_subjects=[], test_share=0.2, validation_share=0.2, seed=0
    )
    subjects = [f"{i:02d}" for i in range(11)]
    chosen = split_subjects(subjects, config)
    assert chosen["07"] == "test"
    assert sorted(chosen) == subjects
    assert [sum(s == name for s in chosen.values()) for name in ("train", "validation", "test")] == [6, 2, 3]
    assert split_subjects([*subjects, "11"], config).items() >= {("07", "test")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_subjects": ["99"]}, "test subject '99' has no motion; subjects with motion are 01, 02"),
        ({"test_subjects": ["01"], "validation_subjects": ["01"]}, "'01' is named for both"),
    ],
)
def test_an_impossible_split_is_refused(changes, message):
    values = {"test_subjects": [], "validation_subjects": [], "test_share": 0, "validation_share": 0}
    with pytest.raises(InputError, match=message):
        split_subjects(["01", "02"], SplitConfig(**{"only": None, "seed": 0} | values | changes))


def test_a_split_without_windows_is_refused(store):
    with pytest.raises(InputError, match="the validation split has no window of at least 8 frames"):
        window_table(store, splits(store) | {store.sequences["subject"][4]: "train"}, WINDOW)


def test_every_frame_is_equally_likely_a_start():
    spans = pd.DataFrame({"sequence": [0, 1, 2], "start": [1, 1, 1], "length": [59, 20, 10]})
    rows = draw_windows(spans, WINDOW, 0.0, 60_000, torch.Generator().manual_seed(0))
    starts = {0: 44, 1: 5, 2: 1}  # windows of 16; the short span is taken whole
    for sequence, count in starts.items():
        mine = rows[rows[:, 0] == sequence]
        assert abs(len(mine) / len(rows) - count / 50) < 0.01
        assert sorted(set(mine[:, 1])) == list(range(1, count + 1))
    assert set(rows[rows[:, 0] == 2][:, 2]) == {10}
    assert set(rows[rows[:, 0] < 2][:, 2]) == {16}


def test_a_share_of_windows_is_shorter():
    spans = pd.DataFrame({"sequence": [0], "start": [1], "length": [59]})
    length = draw_windows(spans, WINDOW, 0.4, 20_000, torch.Generator().manual_seed(0))[:, 2]
    assert abs((length < 16).mean() - 0.4 * 8 / 9) < 0.02
    assert sorted(set(length)) == list(range(8, 17))


def test_a_window_is_a_slice_and_padding_repeats_its_last_frame(store):
    batch = read_windows(store, np.array([[0, 5, 16], [2, 30, 10]]), 16, hands=True)
    first = int(store.sequences["first"][2]) + 30
    assert_close(batch.q_parent_joint[1, 3, :21], torch.tensor(stored_arrays(store)["q_body"][first + 3]))
    assert_close(batch.T_world_cpf[1, 0], torch.tensor(stored_arrays(store)["T_world_cpf"][first - 1]))
    assert_close(batch.q_parent_joint[1, 10:], batch.q_parent_joint[1, 9:10].expand(6, -1, -1))
    assert batch.mask.tolist() == [[True] * 16, [True] * 10 + [False] * 6]
    assert batch.q_parent_joint.shape[2] == 51


@pytest.mark.parametrize("row", [[99, 1, 16], [0, 1, 10_000]])
def test_windows_of_another_store_are_refused(row, store):
    with pytest.raises(
        InputError, match=r"names frames that the store '.*' does not hold; run the ingestion"
    ):
        read_windows(store, np.array([[0, 1, 16], row]), 16, hands=False)


TABLE = {"split": ["train"], "sequence": [0], "start": [1], "length": [9], "subject": ["a"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"start": None}, "column 'start' is missing"),
        ({"start": [0]}, "column 'start' must hold whole numbers from 1 on"),
        ({"sequence": [-1]}, "column 'sequence' must hold whole numbers from 0 on"),
        ({"length": [1.5]}, "column 'length' must hold whole numbers from 1 on"),
        ({"split": ["tset"]}, "column 'split' must name train, validation, test, got 'tset'"),
        ({"subject": [np.nan]}, "column 'subject' has rows without one"),
    ],
)
def test_a_table_that_is_no_window_table_says_why(change, fault):
    columns = {name: values for name, values in (TABLE | change).items() if values is not None}
    assert fault_of_windows(pd.DataFrame(columns)) == fault


def test_a_step_always_sees_the_same_batch_and_another_step_another(store):
    table = window_table(store, splits(store), WINDOW)
    supply = TrainingWindows(store, table[table["split"] == "train"], WINDOW, False, 0.3, seed=1)
    one, again, other = (supply.batch(8, "stage", step) for step in (4, 4, 5))
    for name, value in one.__dict__.items():
        assert_close(getattr(again, name), value, rtol=0, atol=0)
    assert (one.T_world_cpf - other.T_world_cpf).abs().max() > 0.01


def test_the_true_body_hangs_where_the_recording_had_it(store):
    batch = read_windows(store, np.array([[1, 5, 16]]), 16, hands=False)
    first = int(store.sequences["first"][1]) + 5
    _, posed = batch.posed(open_body())
    root = torch.tensor(stored_arrays(store)["T_world_root"][first : first + 16])
    assert_close(posed.p_world_joint[0, :, 0], root[:, 4:], rtol=0, atol=1e-5)


def test_half_of_the_training_windows_are_mirrored(store):
    table = window_table(store, splits(store), WINDOW)
    spans = table[table["split"] == "train"]
    batch = TrainingWindows(store, spans, WINDOW, False, 0.0, seed=1).batch(64, "stage", 1)
    rows = draw_windows(spans, WINDOW, 0.0, 64, generator_for(1, "windows", "stage", 1))
    recorded = read_windows(store, rows, WINDOW.length, hands=False)
    mirrored = recorded.mirrored(torch.ones(64, dtype=torch.bool))
    as_recorded, as_mirrored = (
        (batch.T_world_cpf == other.T_world_cpf).flatten(1).all(dim=1) for other in (recorded, mirrored)
    )
    assert (as_recorded ^ as_mirrored).all()
    assert 16 < int(as_mirrored.sum()) < 48


def test_mirroring_reflects_every_joint_and_twice_is_nothing():
    """The mirrored body's left is the reflection of the original's right; the open body is symmetric."""
    batch = window_batch()
    mirrored = batch.mirrored(torch.tensor([True, True, False, True]))
    _, posed = batch.posed(open_body())
    _, seen = mirrored.posed(open_body())
    flipped = posed.p_world_joint[:, :, [MIRROR[j] for j in range(22)]] * torch.tensor([-1.0, 1, 1])
    which = torch.tensor([0, 1, 3])
    assert_close(seen.p_world_joint[which], flipped[which], rtol=0, atol=1e-6)
    assert_close(seen.p_world_joint[2], posed.p_world_joint[2], rtol=0, atol=0)
    twice = mirrored.mirrored(torch.ones(4, dtype=torch.bool))
    back = batch.mirrored(torch.tensor([False, False, True, False]))
    assert_close(twice.q_parent_joint, back.q_parent_joint, rtol=0, atol=0)


def test_mirroring_exchanges_contacts_and_hands(store):
    batch = read_windows(store, np.array([[0, 5, 16]]), 16, hands=True)
    batch.q_parent_joint[:, :, 21] = torch.tensor([0.8, 0.6, 0.0, 0.0])  # left index
    batch.contacts[:] = False
    batch.contacts[:, :, 6] = True  # left ankle
    mirrored = batch.mirrored(torch.tensor([True]))
    assert_close(mirrored.q_parent_joint[0, 0, 36], torch.tensor([0.8, 0.6, 0.0, 0.0]))
    assert mirrored.contacts[0, 0].nonzero()[:, 0].tolist() == [7]


def test_a_mirrored_head_path_belongs_to_the_mirrored_body():
    batch = window_batch().mirrored(torch.ones(4, dtype=torch.bool))
    body, posed = batch.posed(open_body())
    rotations = matrix_from_quaternion(batch.q_parent_joint)
    again = pose_body(body, rotations, Transform(posed.R_world_joint[:, :, 0], posed.p_world_joint[:, :, 0]))
    assert_close(central_pupil_frame(body, again).p, batch.T_world_cpf[:, 1:, 4:], rtol=0, atol=1e-9)


def test_evaluation_takes_windows_spread_over_the_whole_split(store):
    table = window_table(store, splits(store), WINDOW)
    assert split_rows(table, "test", 2)["start"].tolist() == [1, 49]
    assert len(split_rows(table, "test", 99)) == 4


def windows_of(**counts: int) -> pd.DataFrame:
    """Test rows of people with given numbers of windows, one sequence per window, in shuffled order."""
    subjects = [name for name, count in counts.items() for _ in range(count)]
    subjects = np.random.default_rng(0).permutation(subjects).tolist()
    return pd.DataFrame({"split": "test", "sequence": range(len(subjects)), "start": 1, "subject": subjects})


@pytest.mark.parametrize(
    ("at_most", "expected"),
    [
        (9, {"a": 3, "b": 3, "c": 3}),
        (12, {"a": 5, "b": 4, "c": 3}),  # c has no more: the others share what it lacks
        (43, {"a": 30, "b": 10, "c": 3}),
        (99, {"a": 30, "b": 10, "c": 3}),
    ],
)
def test_over_people_everybody_has_equally_many_windows_as_far_as_there_are(at_most, expected):
    table = windows_of(a=30, b=10, c=3)
    rows = split_rows(table, "test", at_most, "people")
    found = rows["subject"].value_counts().to_dict()
    assert sorted(found.values()) == sorted(expected.values())
    assert found["c"] == 3
    assert rows.index.is_monotonic_increasing
    assert rows.index.is_unique
    assert split_rows(table, "test", at_most, "people").equals(rows)


def test_over_people_the_windows_of_each_are_evenly_spaced_over_that_persons_own():
    table = windows_of(a=31, b=7)
    rows = split_rows(table, "test", 8, "people")
    for subject, expected in {"a": [0, 10, 20, 30], "b": [0, 2, 4, 6]}.items():
        own = table.index[table["subject"] == subject]
        assert rows.index[rows["subject"] == subject].tolist() == own[expected].tolist()


def test_over_sequences_who_has_more_motion_has_more_windows():
    counts = split_rows(windows_of(a=300, b=100), "test", 40, "sequences")["subject"].value_counts()
    assert counts["a"] > 2 * counts["b"]
