import numpy as np
import pytest

from motiongrpo.head.resampling import fitted, resampled, with_one_sign
from tests.head.paths import FPS, errors, prepare, raw_path, times, walker


@pytest.mark.parametrize(
    ("rate", "jitter", "most_mm"),
    [(30, 0.0, 1e-3), (30, 0.3, 1.0), (60, 0.4, 1.0), (71.9, 0.0, 0.3), (71.9, 0.45, 0.5), (1000, 0.45, 0.3)],
)
def test_a_known_path_comes_back_whenever_its_rows_were_taken(rate, jitter, most_mm):
    recording = prepare(raw_path(times(rate, 10, jitter)))
    mm, deg = errors(recording)
    assert len(mm) in (10 * FPS, 10 * FPS + 1)
    assert mm.max() < most_mm
    assert deg.max() < 0.2


def test_a_quadratic_path_is_exact_at_any_times():
    t = np.sort(np.random.default_rng(3).uniform(0, 40, 200))
    poses = np.stack([1 + 0.3 * t - 0.02 * t**2] * 7, axis=1)
    frames = np.arange(1, 39)
    values, _ = fitted(t, poses, frames)
    assert np.allclose(values, (1 + 0.3 * frames - 0.02 * frames**2)[:, None], rtol=0, atol=1e-7)


def test_signs_of_quaternions_change_nothing():
    t = times(72, 4, 0.3)
    poses = walker(t)
    flipped = poses.copy()
    flipped[np.random.default_rng(0).random(len(t)) < 0.5, :4] *= -1
    for path in (poses, flipped):
        assert ((with_one_sign(path)[1:, :4] * with_one_sign(path)[:-1, :4]).sum(axis=1) > 0).all()
    one, other = prepare(raw_path(t)), prepare(raw_path(t, flipped))
    assert one.stretches[0].T_world_cpf.equal(other.stretches[0].T_world_cpf)
    assert one.repairs == other.repairs


def response(hz: np.ndarray) -> np.ndarray:
    """Response of the continuous fit to a sine at each frequency, as an integral without rows."""
    s = np.linspace(-2, 2, 4001)
    weight = 0.5 * (1 + np.cos(np.pi * s / 2))
    S0, S2, S4 = (np.trapezoid(weight * s**power, s) for power in (0, 2, 4))
    kernel = weight * (S4 - S2 * s * s) / (S0 * S4 - S2 * S2)
    return np.array([np.trapezoid(kernel * np.cos(2 * np.pi * f / FPS * s), s) for f in hz])


@pytest.mark.parametrize("hz", [2.0, 5.0, 10.0, 20.0, 47.0, 163.0])
def test_a_kilohertz_path_is_low_passed_as_theory_says(hz):
    at = np.arange(6000) / 1000 * FPS
    poses = np.tile([1.0, 0, 0, 0, 0, 0, 0], (len(at), 1))
    poses[:, 6] = np.cos(2 * np.pi * hz * at / FPS)
    found = resampled(at, poses, dense=True)
    inner = slice(2, -2)
    expected = response(np.array([hz]))[0] * np.cos(2 * np.pi * hz * found.at / FPS)
    assert np.abs(found.poses[inner, 6] - expected[inner]).max() < 2e-3
    assert abs(response(np.array([hz]))[0]) < 0.053 or hz < 20


def test_white_noise_is_averaged_as_theory_says_and_not_aliased():
    rate, sd = 1000.0, 0.004
    at = np.arange(60_000) / rate * FPS
    poses = np.tile([1.0, 0, 0, 0, 0, 0, 0], (len(at), 1))
    poses[:, 4:] = np.random.default_rng(0).normal(0, sd, (len(at), 3))
    found = resampled(at, poses, dense=True).poses[2:-2, 4:]
    hz = np.linspace(0, rate / 2, 501)
    variance = sd**2 * np.mean(response(hz) ** 2)  # Parseval: white noise has equal power everywhere
    assert found.std() == pytest.approx(np.sqrt(variance), rel=0.03)
    assert found.std() < 0.2 * sd


def test_a_clock_in_bursts_overshoots_no_row():
    """Rows arrive in pairs a millisecond apart, so the speed within a pair is meaningless."""
    t = np.arange(0, 10, 1 / 30)
    late = t.copy()
    late[1::2] = late[::2][: len(late[1::2])] + 0.001
    poses = np.tile([1.0, 0, 0, 0, 0, 0, 1.6], (len(t), 1))
    poses[:, 4] = t
    found = prepare(raw_path(late, poses)).stretches[0].T_world_cpf[:, 4]
    assert bool((found.diff() >= -1e-6).all())
    assert float((found - found.new_tensor(np.arange(len(found)) / FPS)).abs().max()) < 0.04


def test_a_last_row_that_its_clock_has_rounded_down_is_not_lost():
    t = np.arange(92) / FPS
    rounded = np.floor(t * 1e5) / 1e5  # as the seconds of a clock that counts from long ago are
    found = resampled(rounded * FPS, walker(t), dense=False)
    assert len(found.at) == len(t)
    assert np.abs(found.poses[-1] - walker(t)[-1]).max() < 1e-3
