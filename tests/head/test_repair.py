from dataclasses import replace

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.head.path import HeadRecording, RawHeadPath, Touch
from tests.head.paths import (
    FPS,
    START_S,
    errors,
    moved,
    prepare,
    raw_path,
    times,
    walker,
    with_nan,
    without,
)

WHOLE = {rate: raw_path(times(rate, 8, jitter)) for rate, jitter in ((30, 0.2), (72, 0.3), (1000, 0.4))}


def frames_by_time(recording: HeadRecording) -> dict[float, tuple[np.ndarray, int]]:
    """Pose and bits of each frame, by its time in the file."""
    return {
        round(second, 6): (pose, bits)
        for stretch in recording.stretches
        for second, pose, bits in zip(
            stretch.source_s.tolist(),
            stretch.T_world_cpf.numpy(),
            stretch.touched.tolist(),
            strict=True,
        )
    }


def rows_at(raw: RawHeadPath, first_s: float, last_s: float) -> slice:
    """Rows between two times after the start."""
    return slice(*np.searchsorted(raw.time_s - START_S, [first_s, last_s]).tolist())


def map_from(raw: RawHeadPath, second: float) -> RawHeadPath:
    change = (raw.time_s - START_S >= second).astype(int)
    return replace(raw, map_id=change)


DAMAGE = {
    "a short gap": lambda raw: without(raw, rows_at(raw, 3.0, 3.18)),
    "a long gap": lambda raw: without(raw, rows_at(raw, 3.0, 3.7)),
    "a row that is NaN": lambda raw: with_nan(raw, [rows_at(raw, 3.0, 4.0).start]),
    "rows that are NaN": lambda raw: with_nan(raw, rows_at(raw, 3.0, 3.2)),
    "a first row that is NaN": lambda raw: with_nan(raw, [0]),
    "last rows that are NaN": lambda raw: with_nan(raw, slice(-3, None)),
    "a glitch": lambda raw: moved(raw, rows_at(raw, 3.0, 3.1), (0.0, 1.5, 0.3)),
    "a jump": lambda raw: moved(raw, rows_at(raw, 3.0, 9.0), (2.0, 0.0, 0.0)),
    "another map": lambda raw: map_from(raw, 3.0),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("rate", WHOLE)
def test_frames_that_are_not_touched_are_those_of_the_whole_recording(rate, damage):
    whole = frames_by_time(prepare(WHOLE[rate]))
    damaged = frames_by_time(prepare(DAMAGE[damage](WHOLE[rate])))
    shift = 2.0 if damage == "a jump" else 0.0
    sound = {time: pose for time, (pose, bits) in damaged.items() if not bits}
    for time, pose in sound.items():
        there = [0, 0, 0, 0, shift if time - START_S >= 3.0 else 0.0, 0, 0]
        assert np.abs(pose - there - whole[time][0]).max() <= (1e-6 if shift else 0)
    assert len(whole) - 30 <= len(sound) < len(whole)


@pytest.mark.parametrize("rate", WHOLE)
def test_what_is_bridged_is_flagged_and_near_the_truth(rate):
    recording = prepare(DAMAGE["a short gap"](WHOLE[rate]))
    (stretch,) = recording.stretches
    mm, deg = errors(recording)
    touched = (stretch.touched & Touch.GAP).numpy() > 0
    assert len(stretch) == len(prepare(WHOLE[rate]).stretches[0])
    assert 5 <= touched.sum() <= 12
    assert mm[touched].max() < 20
    assert deg[touched].max() < 5
    assert any("1 gap bridged, the longest 0." in sentence for sentence in recording.repairs)
    assert any("(2.9" in sentence or "(3.0" in sentence for sentence in recording.repairs)


def test_one_row_that_is_nan_is_named_with_its_line():
    recording = prepare(with_nan(WHOLE[72], [98]))
    assert any(
        "1 row without a finite pose left out, the first at line 100 (1.3" in s for s in recording.repairs
    )
    assert 0 < int((recording.touched() != 0).sum()) <= 6
    assert errors(recording)[0].max() < 1


def test_a_long_gap_a_jump_and_another_map_split_the_recording():
    kinds = {
        "a long gap": "1 gap over 0.25 s",
        "a jump": "1 jump split",
        "another map": "1 change of the map",
    }
    for damage, said in kinds.items():
        recording = prepare(DAMAGE[damage](WHOLE[72]))
        assert len(recording.stretches) == 2
        assert any(said in sentence for sentence in recording.repairs)
        first, last = (stretch.source_s for stretch in recording.stretches)
        assert float(first[-1]) < START_S + 3.0 <= float(last[0]) + 0.02
        grid = (last - START_S - float(WHOLE[72].time_s[0] - START_S)) * FPS
        assert float((grid - grid.round()).abs().max()) < 1e-4


def test_a_gap_with_a_jump_in_it_is_no_gap():
    gone = without(WHOLE[72], rows_at(WHOLE[72], 3.0, 3.2))
    recording = prepare(moved(gone, rows_at(gone, 3.1, 9.0), (0.0, 2.0, 0.0)))
    assert len(recording.stretches) == 2
    assert any("1 jump split at" in sentence for sentence in recording.repairs)


def test_a_head_that_turns_around_in_one_row_has_jumped():
    poses = WHOLE[72].T_world_cpf.copy()
    poses[300:, :4] = poses[300:, [1, 0, 3, 2]] * [-1, 1, 1, -1]
    recording = prepare(replace(WHOLE[72], T_world_cpf=poses))
    assert len(recording.stretches) == 2


def test_a_glitch_is_bridged_and_its_rows_are_counted():
    recording = prepare(moved(WHOLE[72], slice(200, 203), (0.0, 1.5, 0.0)))
    assert len(recording.stretches) == 1
    assert any("3 rows that jumped away left out, the first at line 202 (" in s for s in recording.repairs)
    assert errors(recording)[0].max() < 5


def test_two_glitches_leave_what_lies_between_them():
    once = moved(WHOLE[72], slice(200, 202), (0.0, 1.5, 0.0))
    recording = prepare(moved(once, slice(208, 210), (0.0, 1.5, 0.0)))
    assert any("4 rows that jumped away left out" in sentence for sentence in recording.repairs)


def test_stretches_under_a_second_are_left_out_and_counted():
    gone = without(WHOLE[72], rows_at(WHOLE[72], 0.5, 1.0))
    recording = prepare(gone)
    assert [len(stretch) for stretch in recording.stretches] == [210]
    assert any(sentence == "1 stretch under 1 s left out" for sentence in recording.repairs)


def test_kilohertz_rows_with_times_off_by_most_of_a_step_are_no_jumps():
    """Speeds from row to row reach 30 m/s there, because of the clock and not of the head."""
    t = times(1000, 5, 0.49)
    t[1::2] = t[::2][:-1] + 4e-6
    recording = prepare(raw_path(t, walker(times(1000, 5))))
    assert len(recording.stretches) == 1
    assert recording.facts["speed_95_m_s"] < 1.5
    assert not any("m/s" in sentence for sentence in recording.warnings)


def test_frozen_and_poor_rows_are_kept_and_flagged():
    poses = WHOLE[72].T_world_cpf.copy()
    poses[216:260] = poses[216]
    quality = np.ones(len(poses))
    quality[400:410] = 0.2
    recording = prepare(replace(WHOLE[72], T_world_cpf=poses, quality=quality))
    bits = recording.touched()
    assert int(((bits & Touch.FROZEN) != 0).sum()) == pytest.approx(44 / 72 * FPS, abs=2)
    assert int(((bits & Touch.TRACKING) != 0).sum()) == pytest.approx(10 / 72 * FPS, abs=2)
    assert any("frozen for 0.5 s or more" in s and "line 218 (" in s for s in recording.warnings)
    assert any("tracking was poor (under 0.5), the first at line 402 (" in s for s in recording.warnings)


def test_what_the_reader_left_out_comes_first_in_the_record():
    recording = prepare(replace(WHOLE[72], notes=("the last line is cut",)))
    assert recording.repairs[0] == "the last line is cut"
    assert recording.repairs[1].startswith("resampled by time from 7")


def test_a_recording_without_a_finite_row_is_refused():
    with pytest.raises(InputError, match=r"'head\.csv' has no row whose time and pose are finite.*, of 577"):
        prepare(with_nan(WHOLE[72], slice(None)))


def test_a_recording_of_less_than_a_second_is_refused():
    with pytest.raises(InputError, match=r"has 0\.5 s of usable poses, from line 2 to line 38, and 1 s"):
        prepare(raw_path(times(72, 0.5)))


def test_a_recording_that_falls_apart_is_refused():
    t = np.concatenate([times(72, 0.6) + 0.6 * k + 0.5 * k for k in range(8)])
    with pytest.raises(InputError, match=r"no 1 s without a break: 7 gaps over 0\.25 s in 8\.3 s at 72 rows"):
        prepare(raw_path(t))
