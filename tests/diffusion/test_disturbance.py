"""Faulty paths: each fault has its stated effect on the stated frames, and no other."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.disturbance import (
    Disturbance,
    DisturbanceConfig,
    at_rate,
    disturbed,
    drawn_amounts,
    equal_amounts,
    told_paths,
    with_floor,
    with_gap,
    with_jitter,
)
from motiongrpo.geometry.so3 import geodesic_angle, matrix_from_quaternion, rotation_vector_from_matrix
from tests.bodies import FPS

FRAMES = 33  # of a path, one more than of its window
NONE = {"floor_m": 0.0, "jitter_m": 0.0, "jitter_rad": 0.0, "gap_s": 0.0, "rate_hz": FPS}
MOST = {"floor_m": 0.1, "jitter_m": 0.005, "jitter_rad": 0.01, "gap_s": 0.25, "rate_hz": 15.0}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def paths(count: int, frames: int = FRAMES) -> torch.Tensor:
    """Random walks of the head: a few centimetres and degrees a frame, quaternions of either sign."""
    generator = seeded(5)
    q = torch.randn(count, 1, 4, generator=generator, dtype=torch.float64)
    q = q + 0.1 * torch.randn(count, frames, 4, generator=generator, dtype=torch.float64).cumsum(1)
    p = 0.02 * torch.randn(count, frames, 3, generator=generator, dtype=torch.float64).cumsum(1)
    sign = torch.randint(0, 2, (count, frames, 1), generator=generator) * 2 - 1
    return torch.cat([sign * torch.nn.functional.normalize(q, dim=-1), p], dim=-1)


def all_real(count: int) -> torch.Tensor:
    return torch.ones(count, FRAMES - 1, dtype=torch.bool)


def ends(count: int, frames: int = FRAMES) -> torch.Tensor:
    return torch.full((count,), frames - 1.0, dtype=torch.float64)


def told(T: torch.Tensor, **amounts: float) -> torch.Tensor:
    fault = equal_amounts(len(T), Disturbance(**NONE | amounts))
    return told_paths(T, all_real(len(T)), FPS, fault, seeded())


def column(value: float, count: int) -> torch.Tensor:
    return torch.full((count,), value, dtype=torch.float64)


def apart(T_a: torch.Tensor, T_b: torch.Tensor) -> torch.Tensor:
    """Rotation vectors from the one orientation to the other."""
    R_a, R_b = (matrix_from_quaternion(T[..., :4]) for T in (T_a, T_b))
    return rotation_vector_from_matrix(R_a.mT @ R_b)


def test_without_a_share_paths_are_themselves_and_nothing_is_drawn():
    T, generator = paths(4), seeded()
    before = generator.get_state()
    assert disturbed(T, all_real(4), FPS, DisturbanceConfig(share=0, **MOST), generator) is T
    assert torch.equal(generator.get_state(), before)


def test_a_disturbance_of_nothing_changes_no_bit():
    T = paths(4).float()
    assert torch.equal(told(T), T)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_share_of_the_windows_is_disturbed_and_the_others_are_bit_for_bit_what_they_were(share):
    T = paths(2000, frames=FRAMES)
    found = disturbed(T, all_real(2000), FPS, DisturbanceConfig(share=share, **MOST), seeded())
    changed = (found != T).flatten(1).any(1)
    assert abs(float(changed.double().mean()) - share) <= 4 * (share * (1 - share) / 2000) ** 0.5
    assert (found != T).any(-1)[changed].all(), "the floor lifts every frame"


def test_each_kind_is_drawn_by_itself_between_none_and_the_most():
    found = drawn_amounts(4000, FPS, Disturbance(**MOST), seeded())
    limits = {
        "floor_m": (-0.1, 0.1),
        "jitter_m": (0, 0.005),
        "jitter_rad": (0, 0.01),
        "gap_s": (0, 0.25),
        "rate_hz": (15, FPS),
    }
    kinds = torch.stack([getattr(found, name) for name in limits])
    low, high = torch.tensor(list(limits.values())).unbind(-1)
    unit = ((kinds - low[:, None]) / (high - low)[:, None]).double()
    assert unit.min() >= -1e-6
    assert unit.max() <= 1 + 1e-6
    assert (unit.mean(1) - 0.5).abs().max() < 4 / (12 * 4000) ** 0.5
    assert (torch.corrcoef(unit) - torch.eye(5)).abs().max() < 4 / 4000**0.5


def test_a_limit_above_the_models_rate_lowers_no_rate():
    assert (drawn_amounts(50, FPS, Disturbance(**MOST | {"rate_hz": 90.0}), seeded()).rate_hz == FPS).all()


def test_a_floor_that_is_off_moves_the_height_of_every_frame_alike_and_nothing_else():
    T = paths(3)
    height = torch.tensor([0.1, -0.1, 0.03], dtype=torch.float64)
    found = with_floor(T, height)
    assert_close(found[..., 6] - T[..., 6], height[:, None].expand(-1, FRAMES), rtol=0, atol=1e-12)
    assert torch.equal(found[..., :6], T[..., :6])
    drawn = disturbed(T, all_real(3), FPS, DisturbanceConfig(share=1, **NONE | {"floor_m": 0.1}), seeded())
    assert torch.equal(drawn[..., :6], T[..., :6])
    assert (drawn - T)[..., 6].abs().max() <= 0.1 + 1e-9


@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_a_gap_lies_on_the_geodesic_between_the_poses_beside_it_and_leaves_all_others(place):
    T = paths(6)
    found = with_gap(T, ends(6), column(7.5, 6), column(place, 6))
    changed = (found != T).any(-1)
    first = changed.int().argmax(1)
    assert (changed.sum(1) == 6).all(), "seven frames apart, six are missing between them"
    for window, frame in enumerate(first.tolist()):
        assert changed[window, frame : frame + 6].all()
        before, after = T[window, frame - 1], T[window, frame + 6]
        weight = torch.arange(1, 7, dtype=torch.float64)[:, None] / 7
        inside = found[window, frame : frame + 6]
        assert_close(inside[:, 4:], before[4:] + weight * (after - before)[4:], rtol=0, atol=1e-12)
        whole = apart(before[None], after[None])
        assert_close(apart(before.expand(6, -1), inside), weight * whole, rtol=0, atol=1e-9)


def test_gaps_lie_anywhere_in_a_window_and_never_reach_into_its_padding():
    count, real = 3000, 20
    T = paths(1)[:, : real + 1].expand(count, -1, -1)
    T = torch.cat([T, T[:, -1:].expand(-1, FRAMES - real - 1, -1)], dim=1)
    place = torch.rand(count, generator=seeded(), dtype=torch.float64)
    found = with_gap(T, column(real, count), column(7, count), place)
    changed = (found != T).any(-1)
    assert not changed[:, 0].any()
    assert not changed[:, real:].any()
    first = changed.int().argmax(1).bincount(minlength=FRAMES)[1 : real - 5]
    assert first.sum() == count
    assert (first - count / len(first)).abs().max() < 5 * (count / len(first)) ** 0.5


def test_a_gap_longer_than_a_window_bridges_all_of_it():
    T = paths(1, frames=5)
    found = with_gap(T, ends(1, 5), column(50.0, 1), column(0.7, 1))
    assert torch.equal(found[:, [0, -1]], T[:, [0, -1]])
    assert_close(found[:, 2, 4:], T[:, [0, -1], 4:].mean(1), rtol=0, atol=1e-12)


def test_jitter_has_its_deviation_in_position_and_rotation():
    T = paths(400)
    noise = torch.randn(*T.shape[:2], 6, generator=seeded(), dtype=torch.float64)
    found = with_jitter(T, column(0.004, 400), column(0.01, 400), noise)
    values = T.shape[0] * FRAMES
    for error, sd in (((found - T)[..., 4:], 0.004), (apart(T, found), 0.01)):
        assert error.mean((0, 1)).abs().max() < 5 * sd / values**0.5
        assert (error.std((0, 1)) - sd).abs().max() < 5 * sd / (2 * values) ** 0.5
        successive = (error[:, 1:] * error[:, :-1]).mean() / sd**2
        assert abs(float(successive)) < 5 / (3 * values) ** 0.5, "it is white"


def test_jitter_of_the_position_alone_turns_nothing():
    T = paths(3)
    found = told(T, jitter_m=0.005)
    assert geodesic_angle(*(matrix_from_quaternion(x[..., :4]) for x in (found, T))).max() < 1e-6
    assert (found != T)[..., 4:].any(-1).all()


def test_half_the_rate_keeps_every_other_pose_and_guesses_those_between():
    T = paths(5)
    found = at_rate(T, ends(5), column(2.0, 5), column(0.0, 5))
    assert torch.equal(found[:, ::2], T[:, ::2])
    middle = (T[:, :-1:2, 4:] + T[:, 2::2, 4:]) / 2
    assert_close(found[:, 1::2, 4:], middle, rtol=0, atol=1e-12)
    half = apart(T[:, :-1:2], found[:, 1::2])
    assert_close(half, apart(T[:, :-1:2], T[:, 2::2]) / 2, rtol=0, atol=1e-9)


@pytest.mark.parametrize("phase", [0.0, 0.3, 1.0])
def test_a_straight_path_is_told_as_it_is_at_any_rate(phase):
    """Only curvature between two poses is lost, and the ends are always kept."""
    frame = torch.arange(FRAMES, dtype=torch.float64)
    T = torch.zeros(1, FRAMES, 7, dtype=torch.float64)
    T[..., 0], T[..., 4], T[..., 6] = 1, 0.03 * frame, 1.6
    for period in (1.2, 1.73, 2.5):
        assert_close(at_rate(T, ends(1), column(period, 1), column(phase, 1)), T, rtol=0, atol=1e-12)


def test_a_lower_rate_smooths_a_path_and_keeps_its_first_and_last_pose():
    T = paths(20)
    found = at_rate(T, ends(20), column(1.7, 20), column(0.4, 20))
    assert_close(found[:, [0, -1], 4:], T[:, [0, -1], 4:], rtol=0, atol=1e-12)
    assert apart(found[:, [0, -1]], T[:, [0, -1]]).norm(dim=-1).max() < 1e-9
    assert (found[..., 4:].diff(n=2, dim=1).norm(dim=-1)).mean() < T[..., 4:].diff(n=2, dim=1).norm(
        dim=-1
    ).mean()


def test_a_rate_of_the_models_or_above_changes_no_bit():
    T = paths(3)
    for rate in (FPS, 90.0):
        assert torch.equal(told(T, rate_hz=rate), T)


def test_quaternions_stay_unit_and_padding_repeats_the_last_real_frame():
    T, real = paths(50).float(), torch.randint(8, FRAMES, (50,), generator=seeded())
    mask = torch.arange(FRAMES - 1) < real[:, None]
    T = T[torch.arange(50)[:, None], torch.minimum(torch.arange(FRAMES), real[:, None])]
    found = disturbed(T, mask, FPS, DisturbanceConfig(share=1, **MOST), seeded())
    assert_close(found[..., :4].norm(dim=-1), torch.ones(50, FRAMES), rtol=0, atol=1e-6)
    for window, last in enumerate(real.tolist()):
        assert torch.equal(found[window, last:], found[window, last].expand(FRAMES - last, -1))
        assert (found[window, 1 : last + 1] != found[window, :last]).any(-1).all()


def test_padding_changes_nothing_of_what_a_window_is_told():
    """The same window in a longer batch: gaps are bridged between its own frames."""
    T, amounts = paths(4), equal_amounts(4, Disturbance(**NONE | {"gap_s": 0.25, "rate_hz": 18.0}))
    mask = all_real(4)
    longer = torch.cat([T, T[:, -1:].expand(-1, 9, -1)], dim=1)
    padded = torch.cat([mask, torch.zeros(4, 9, dtype=torch.bool)], dim=1)
    found = told_paths(longer, padded, FPS, amounts, seeded())
    assert_close(found[:, :FRAMES], told_paths(T, mask, FPS, amounts, seeded()), rtol=0, atol=1e-12)
