import itertools

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.window_blend import (
    EGOALLO_PLAN,
    WindowPlan,
    egoallo_windows,
    symmetric_windows,
    trapezoid,
)

LENGTHS = [1, 5, 63, 96, 97, 128, 129, 193, 224, 225, 300, 1000]


def share_of(windows, number: int, frame: int) -> float:
    window = windows[number]
    return float(window.share[frame - window.start]) if window.start <= frame < window.stop else 0.0


def largest_jump(windows, frames: int) -> float:
    """The largest change of any window's share between neighbouring frames, including at its ends."""
    shares = torch.zeros(len(windows), frames, dtype=torch.float64)
    for row, window in zip(shares, windows, strict=True):
        row[window.start : window.stop] = window.share
    return float(shares.diff(dim=1).abs().max()) if frames > 1 else 0.0


def test_a_trapezoid_rises_and_falls_by_one_part_a_frame():
    assert_close(trapezoid(6, 2), torch.tensor([0.5, 1, 1, 1, 1, 0.5]).double(), rtol=0, atol=0)
    assert_close(trapezoid(5, 4), torch.tensor([0.25, 0.5, 0.75, 0.5, 0.25]).double(), rtol=0, atol=0)


@pytest.mark.parametrize("rule", [symmetric_windows, egoallo_windows])
@pytest.mark.parametrize("frames", LENGTHS)
def test_shares_of_every_frame_sum_to_one(rule, frames):
    total = torch.zeros(frames, dtype=torch.float64)
    for window in rule(frames, EGOALLO_PLAN):
        total[window.start : window.stop] += window.share
        assert bool((window.share > 0).all())
    assert_close(total, torch.ones(frames, dtype=torch.float64), rtol=0, atol=1e-15)


def test_egoallos_windows_start_every_96_frames_while_there_are_frames():
    for frames in LENGTHS:
        expected, start = [], 0
        while start < frames:
            expected.append((start, min(start + 128, frames)))
            start += 96
        assert [(w.start, w.stop) for w in egoallo_windows(frames, EGOALLO_PLAN)] == expected
    assert len(egoallo_windows(96, EGOALLO_PLAN)) == 1
    for frames in (97, 193, 289):
        last = egoallo_windows(frames, EGOALLO_PLAN)[-1]
        assert last.stop - last.start == 1


def test_egoallos_older_window_keeps_its_published_shares():
    windows = egoallo_windows(300, EGOALLO_PLAN)
    for frame, share in {95: 1.0, 96: 0.97, 111: 0.67, 127: 0.50, 128: 0.0}.items():
        assert abs(share_of(windows, 0, frame) - share) < 5e-3
    assert abs(largest_jump(windows, 300) - 0.5) < 1e-12


def test_a_path_of_128_frames_ends_in_egoallos_second_window():
    _, second = egoallo_windows(128, EGOALLO_PLAN)
    assert (second.start, second.stop) == (96, 128)
    assert abs(float(second.share[-1]) - 0.97) < 5e-3


def test_a_path_that_fits_one_window_is_one_window():
    for frames in (1, 96, 97, 128):
        (window,) = symmetric_windows(frames, EGOALLO_PLAN)
        assert (window.start, window.stop) == (0, frames)


@pytest.mark.parametrize("frames", [129, 193, 224, 225, 300, 1000])
def test_our_windows_are_all_full_and_the_last_ends_with_the_path(frames):
    windows = symmetric_windows(frames, EGOALLO_PLAN)
    assert {w.stop - w.start for w in windows} == {128}
    assert windows[-1].stop == frames
    assert all(a.stop - b.start >= 32 for a, b in itertools.pairwise(windows))


@pytest.mark.parametrize("frames", range(129, 500, 7))
def test_our_shares_never_jump(frames):
    """Not by more than a ramp of 32 frames: two neighbours of equal weight change by 1/33 per frame."""
    assert largest_jump(symmetric_windows(frames, EGOALLO_PLAN), frames) <= 1 / 31


@pytest.mark.parametrize("frames", [129, 300, 320])  # whose windows can be spread exactly evenly
def test_our_blend_reads_the_same_backwards(frames):
    windows = symmetric_windows(frames, EGOALLO_PLAN)
    for there, back in zip(windows, reversed(windows), strict=True):
        assert (there.start, there.stop) == (frames - back.stop, frames - back.start)
        assert_close(there.share, back.share.flip(0), rtol=0, atol=1e-15)


def test_overlaps_wider_than_half_a_window_are_refused():
    with pytest.raises(ValueError, match="overlap must be at most half of length, got 65 frames of 128"):
        WindowPlan(length=128, overlap=65)
