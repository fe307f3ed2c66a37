"""Poses at the rate of a headset, resampled as they come."""

import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.head.path import Touch
from motiongrpo.head.stream import PoseStream, StreamedPose, demand_pose
from tests.head.paths import CONFIG

FPS = 30.0


def pose_at(time_s: float) -> torch.Tensor:
    """A head that turns about one axis and goes straight on, for which interpolation is exact."""
    turn = torch.tensor([0.3, -1.1, 0.7], dtype=torch.float64) * time_s
    p = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64) * time_s + torch.tensor([0, 0, 1.6])
    return torch.cat([quaternion_from_rotation_vector(turn), p])


def turned(frame: StreamedPose) -> torch.Tensor:
    """The quaternion of a frame, with the sign of the curve's."""
    q = frame.T_world_cpf[:4]
    return q * (q @ pose_at(frame.time_s)[:4]).sign()


def times(seconds: float, hz: float = 72.0, jitter: float = 0.8) -> list[float]:
    """Uneven instants from 5 s on, of a headset whose steps vary."""
    torch.manual_seed(0)
    even = torch.arange(int(seconds * hz), dtype=torch.float64)
    return (5 + (even + jitter * torch.rand(len(even), dtype=torch.float64)) / hz).tolist()


def streamed(instants: list[float], stream: PoseStream | None = None) -> list[StreamedPose]:
    stream = stream or PoseStream(FPS, CONFIG)
    return [frame for t in instants for frame in stream.push(t, pose_at(t))]


def test_frames_lie_on_the_models_clock_and_on_the_curve():
    instants = times(2.0)
    frames = streamed(instants)
    assert [f.frame for f in frames] == list(range(len(frames)))
    assert len(frames) == int((instants[-1] - instants[0]) * FPS) + 1
    for f in frames:
        assert abs(f.time_s - instants[0] - f.frame / FPS) < 1e-12
        assert_close(turned(f), pose_at(f.time_s)[:4], rtol=0, atol=1e-9)
        assert_close(f.T_world_cpf[4:], pose_at(f.time_s)[4:], rtol=0, atol=1e-12)
        assert f.touched == Touch.NONE


def test_a_frame_is_out_as_soon_as_a_pose_at_or_after_it_is_there():
    stream = PoseStream(FPS, CONFIG)
    for t in times(1.0):
        frames = stream.push(t, pose_at(t))
        assert all(t - 1 / FPS < f.time_s <= t for f in frames)


def test_poses_at_the_models_rate_pass_through():
    frames = streamed([2 + i / FPS for i in range(40)])
    assert len(frames) == 40
    for f in frames:
        assert_close(turned(f), pose_at(f.time_s)[:4], rtol=0, atol=1e-9)
        assert_close(f.T_world_cpf[4:], pose_at(f.time_s)[4:], rtol=0, atol=1e-9)


def test_a_quaternion_and_its_negative_are_the_same_turn():
    stream = PoseStream(FPS, CONFIG)
    signs = torch.tensor([[1.0] * 7, [-1.0] * 4 + [1.0] * 3]).double()
    flipped = [f for i, t in enumerate(times(1.0)) for f in stream.push(t, pose_at(t) * signs[i % 2])]
    for a, b in zip(flipped, streamed(times(1.0)), strict=True):
        assert_close((a.T_world_cpf[:4] @ b.T_world_cpf[:4]).abs(), torch.tensor(1.0).double())


def test_late_poses_are_dropped_and_counted():
    stream, instants = PoseStream(FPS, CONFIG), times(1.0)
    frames = []
    for earlier, t in zip([instants[0], *instants], instants, strict=False):
        frames += stream.push(t, pose_at(t))
        assert stream.push(earlier, pose_at(0.0)) == []
    assert stream.late == len(instants)
    assert [f.time_s for f in frames] == [f.time_s for f in streamed(instants)]


def test_a_short_gap_is_bridged_and_its_frames_say_so():
    instants = [t for t in times(2.0) if not 6 < t < 6.22]
    frames = streamed(instants)
    assert {f.stretch for f in frames} == {0}
    before, after = max(t for t in instants if t <= 6), min(t for t in instants if t > 6)
    for f in frames:
        assert (f.touched == Touch.GAP) == (before < f.time_s <= after)
        assert_close(f.T_world_cpf[4:], pose_at(f.time_s)[4:], rtol=0, atol=1e-12)


def test_a_longer_gap_begins_a_stretch_with_a_clock_of_its_own():
    instants = [t for t in times(2.0) if not 6 < t < 6.4]
    frames = streamed(instants)
    second = [f for f in frames if f.stretch == 1]
    assert [f.frame for f in second] == list(range(len(second)))
    assert second[0].time_s == min(t for t in instants if t > 6)
    assert max(f.time_s for f in frames if f.stretch == 0) <= 6
    assert all(f.touched == Touch.NONE for f in frames)


RECENTRED = {
    "moved by 20 cm": torch.tensor([1, 0, 0, 0, 0.2, 0, 0]).double(),
    "turned by 60 degrees": torch.tensor([3**0.5 / 2, 0, 0, 0.5, 0, 0, 0]).double(),
}


def recentred(pose: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """The same head in a world of another origin."""
    q, p = roma.quat_product(by[[1, 2, 3, 0]], pose[[1, 2, 3, 0]]), pose[4:]
    turned = roma.quat_action(by[[1, 2, 3, 0]], p)
    return torch.cat([q[[3, 0, 1, 2]], turned + by[4:]])


@pytest.mark.parametrize("by", RECENTRED.values(), ids=RECENTRED)
def test_another_origin_begins_a_stretch_at_the_first_pose_that_has_it(by):
    stream, instants = PoseStream(FPS, CONFIG), times(2.0)
    frames = []
    for t in instants:
        frames += stream.push(t, pose_at(t) if t < 6 else recentred(pose_at(t), by))
    first, second = ([f for f in frames if f.stretch == stretch] for stretch in (0, 1))
    assert len(first) + len(second) == len(frames)
    assert second[0].time_s == min(t for t in instants if t >= 6)
    assert first[-1].time_s <= max(t for t in instants if t < 6)
    for f in second:
        assert_close(f.T_world_cpf[4:], recentred(pose_at(f.time_s), by)[4:], rtol=0, atol=1e-4)


def test_a_glitch_is_left_out_and_the_stretch_goes_on():
    stream, instants = PoseStream(FPS, CONFIG), times(2.0)
    frames = []
    for i, t in enumerate(instants):
        frames += stream.push(
            t, recentred(pose_at(t), RECENTRED["moved by 20 cm"]) if i == 70 else pose_at(t)
        )
    assert {f.stretch for f in frames} == {0}
    for f in frames:
        assert_close(f.T_world_cpf[4:], pose_at(f.time_s)[4:], rtol=0, atol=1e-12)


def test_a_glitch_before_a_long_gap_begins_nothing():
    stream = PoseStream(FPS, CONFIG)
    far = recentred(pose_at(5.1), RECENTRED["moved by 20 cm"])
    assert len(stream.push(5.0, pose_at(5.0))) == 1
    assert stream.push(5.01, far) == []
    assert [f.time_s for f in stream.push(6.0, pose_at(6.0))] == [6.0]
    assert len(stream.push(6.1, pose_at(6.1))) == 3


def test_a_runner_who_is_seen_ten_times_a_second_does_not_jump():
    """In 0.1 s six metres a second are farther than a head is given, but it goes on at its speed."""
    stream, q = PoseStream(FPS, CONFIG), pose_at(0.0)[:4]
    for i in range(30):
        t = 0.1 * i
        metres = 3 * t**2 if t < 1 else 6 * t - 3
        p = torch.tensor([metres, 0, 1.6], dtype=torch.float64)
        assert all(frame.stretch == 0 for frame in stream.push(t, torch.cat([q, p])))


@pytest.mark.parametrize(
    ("time_s", "change", "sentence"),
    [
        (5.5, {5: torch.nan}, r"the pose at 5.5 s is not finite: .*nan.*; leave poses out"),
        (float("inf"), {}, r"the pose at inf s is not finite"),
        (5.5, {0: 3.0}, r"the quaternion at 5.5 s has norm 3\.\d+; the first four numbers are a unit quat"),
    ],
)
def test_what_is_no_pose_is_refused_and_changes_nothing(time_s, change, sentence):
    stream, instants = PoseStream(FPS, CONFIG), times(1.0)
    frames = streamed(instants[:30], stream)
    pose = pose_at(5.5)
    for index, value in change.items():
        pose[index] = value
    with pytest.raises(InputError, match=sentence):
        stream.push(time_s, pose)
    frames += streamed(instants[30:], stream)
    for a, b in zip(frames, streamed(instants), strict=True):
        assert_close(a.T_world_cpf, b.T_world_cpf, rtol=0, atol=0)


def test_a_pose_has_seven_numbers():
    with pytest.raises(InputError, match=r"a pose has 7 numbers, .* got 6"):
        demand_pose(0.0, torch.zeros(6))
