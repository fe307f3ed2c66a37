import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.policy.perlin import RMS, NoiseConfig, gradient_noise, noise_tracks, perlin_tracks


def config(**changes) -> NoiseConfig:
    values = {"kind": "perlin", "scope": "group", "tracks": 1, "amplitude_m": 0.02, "spacing_frames": 16.0}
    return NoiseConfig(**values | {"octaves": 1} | changes)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gradients(count: int) -> torch.Tensor:
    return torch.randn(count, dtype=torch.float64, generator=seeded(1))


def test_it_vanishes_on_the_lattice_and_not_between():
    lattice = torch.arange(10, dtype=torch.float64)
    g = gradients(12)
    assert_close(gradient_noise(lattice, g), torch.zeros(10, dtype=torch.float64), rtol=0, atol=0)
    assert gradient_noise(lattice + 0.5, g).abs().min() > 1e-3


def test_it_leaves_a_lattice_point_along_its_gradient():
    g, h = gradients(6), 1e-6
    point = torch.tensor([2.0], dtype=torch.float64)
    slope = (gradient_noise(point + h, g) - gradient_noise(point - h, g)) / (2 * h)
    assert_close(slope, g[2:3], rtol=0, atol=1e-5)


def test_value_slope_and_curvature_are_continuous_across_the_lattice():
    g = gradients(6)
    x = torch.tensor([3.0], dtype=torch.float64)
    h = 1e-4

    def derivatives(side: int) -> torch.Tensor:
        f = [gradient_noise(x + side * k * h, g) for k in range(4)]
        first = side * (-11 * f[0] + 18 * f[1] - 9 * f[2] + 2 * f[3]) / (6 * h)
        second = (2 * f[0] - 5 * f[1] + 4 * f[2] - f[3]) / h**2
        return torch.cat([f[0], first, second])

    assert_close(derivatives(1), derivatives(-1), rtol=0, atol=1e-2)


def test_its_spectrum_stays_below_the_lattice():
    """Almost all power is below one cycle per cell; white noise of the same length has an eighth there."""
    tracks = perlin_tracks(300, 256, config(), seeded())
    power = np.abs(np.fft.rfft(tracks.numpy(), axis=1)) ** 2
    cycles_per_cell = np.fft.rfftfreq(256) * 16
    mean = power.mean(axis=(0, 2))
    assert mean[cycles_per_cell < 1.5].sum() / mean.sum() > 0.99
    peak = cycles_per_cell[mean.argmax()]
    assert 0.2 < peak < 1.0


def test_its_root_mean_square_is_one_for_any_number_of_octaves():
    """Against the closed form 535/9009 of one cell, and by sampling."""
    u = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    fade = u**3 * (u * (6 * u - 15) + 10)
    assert abs(float((2 * ((1 - fade) * u).square()).mean()) - RMS**2) < 1e-6
    for octaves in (1, 3):
        tracks = perlin_tracks(2000, 64, config(octaves=octaves), seeded())
        assert abs(float(tracks.square().mean()) - 1) < 0.03
        assert abs(float(tracks.mean())) < 0.02


@pytest.mark.parametrize("kind", ["perlin", "white"])
def test_it_scales_exactly_with_its_amplitude(kind):
    one = noise_tracks(3, 40, config(kind=kind, amplitude_m=1.0), seeded())
    assert_close(
        noise_tracks(3, 40, config(kind=kind, amplitude_m=0.25), seeded()), 0.25 * one, rtol=0, atol=0
    )


def test_the_same_generator_gives_the_same_noise_and_another_gives_other_noise():
    a, b, c = (noise_tracks(2, 30, config(), seeded(s)) for s in (4, 4, 5))
    assert_close(a, b, rtol=0, atol=0)
    assert (a - c).abs().max() > 1e-3


def test_frames_do_not_share_the_lattice_between_tracks():
    """Without a random phase every track would be zero in the same frames."""
    tracks = noise_tracks(500, 64, config(), seeded())
    by_frame = tracks.square().mean(dim=(0, 2))
    assert by_frame.min() > 0.7 * by_frame.mean()


def test_no_noise_is_none():
    assert noise_tracks(2, 5, config(kind="none"), seeded()).abs().max() == 0
