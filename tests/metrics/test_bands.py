"""Bands contain their stated share, against closed forms and for exchangeable errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.metrics.bands import (
    LEVELS,
    BandCalibration,
    JointBands,
    JudgedSamples,
    calibrated,
    given_out,
    is_guess,
    normal_radius_m,
    radius,
    spread_m,
    weighted_quantiles,
)

SIGMA_M = torch.tensor([0.02, 0.1], dtype=torch.float64)  # of the error of two joints along each axis


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def judged(people: int = 6, stretches: int = 4, frames: int = 250, seed: int = 0) -> JudgedSamples:
    """Errors that are normal, isotropic and equally distributed for everybody; the spread is constant."""
    count = people * stretches
    error = (normal(count, frames, 2, 3, seed=seed) * SIGMA_M[:, None]).norm(dim=-1)
    return JudgedSamples(
        error_m=error,
        spread_m=torch.full_like(error, 0.01),
        mask=torch.ones(count, frames, dtype=torch.bool),
        person=torch.arange(people).repeat_interleave(stretches),
        sequence=torch.arange(count),
    )


def in_proportion(people: int = 6, seed: int = 0) -> JudgedSamples:
    """Errors whose standard deviation is three times the spread, which varies from frame to frame."""
    one = judged(people, seed=seed)
    spread = (
        0.01 + 0.09 * torch.rand(one.error_m.shape, generator=torch.Generator().manual_seed(seed)).double()
    )
    return replace(one, error_m=one.error_m / SIGMA_M * 3 * spread, spread_m=spread)


def share_inside(bands: JointBands, of: JudgedSamples, level: float) -> torch.Tensor:
    """The share inside the band, by joint."""
    return (of.error_m <= bands.radius_m(of.spread_m, level)).double().mean((0, 1))


@pytest.mark.parametrize("level", LEVELS)
def test_normal_errors_have_the_radius_of_chis_quantile(level):
    radii = calibrated(judged()).radius_m(torch.full((1, 2), 0.01, dtype=torch.float64), level)
    assert_close(radii[0], SIGMA_M * float(chi(3).ppf(level)), rtol=0.03, atol=0)


@pytest.mark.parametrize("level", LEVELS)
def test_bands_hold_their_share_of_new_errors_of_the_same_kind(level):
    for of in (judged, in_proportion):
        assert_close(
            share_inside(calibrated(of()), of(seed=1), level),
            torch.full((2,), level).double(),
            rtol=0,
            atol=0.02,
        )


def test_a_band_is_as_much_wider_as_samples_are_further_apart_where_errors_are():
    bands = calibrated(in_proportion())
    one, two = (bands.radius_m(torch.full((1, 2), s, dtype=torch.float64), 0.9)[0] for s in (0.02, 0.08))
    assert_close(two / one, torch.full((2,), 4.0).double(), rtol=0.15, atol=0)


def test_in_another_unit_of_length_all_radii_are_in_that_unit():
    one = in_proportion()
    ten = replace(one, error_m=10 * one.error_m, spread_m=10 * one.spread_m)
    before = calibrated(one).radius_m(one.spread_m, 0.9)
    assert_close(calibrated(ten).radius_m(ten.spread_m, 0.9), 10 * before, rtol=1e-9, atol=0)


def test_padding_changes_nothing():
    one = in_proportion()
    mask = one.mask.clone()
    mask[::3, 100:] = False
    short = replace(one, mask=mask)
    noise = torch.where(mask[..., None], one.error_m, 1e3)
    other = replace(short, error_m=noise, spread_m=torch.where(mask[..., None], one.spread_m, 7.0))
    assert calibrated(short) == calibrated(other)


def test_everybody_counts_the_same_however_much_there_is_of_them():
    """One of two people has ninety times as much motion, and almost no error."""
    much, little = judged(people=1, stretches=90), judged(people=1, stretches=1, seed=1)
    both = JudgedSamples.concatenate(
        [replace(much, error_m=0.001 * much.error_m), replace(little, person=little.person + 1)]
    )
    middle = weighted_quantiles(both.error_m.flatten(0, 1), both.weight.flatten(), torch.tensor([0.5]))
    assert_close(middle[0], 0.001 * much.error_m.amax((0, 1)), rtol=0.1, atol=0)
    assert_close(both.weight.sum(), torch.tensor(2.0).double())


def test_where_people_differ_bands_hold_the_joints_of_those_they_were_not_fitted_on():
    """Bands fitted without regard to people contain fewer of a new person's joints than stated."""

    def differing(seed: int, people: int) -> JudgedSamples:
        one = judged(people, seed=seed)
        factor = (0.5 * normal(people, seed=seed + 100)).exp()[one.person]
        return replace(one, error_m=factor[:, None, None] * one.error_m)

    with_people, without = [], []
    new = differing(999, 100)
    for seed in range(15):
        few = differing(seed, 5)
        with_people.append(share_inside(calibrated(few), new, 0.9))
        alike = replace(few, person=torch.zeros_like(few.person))
        without.append(share_inside(calibrated(alike), new, 0.9))
    held, naive = torch.stack(with_people).mean(), torch.stack(without).mean()
    assert held - naive > 0.015
    assert abs(held - 0.9) < 0.03


def test_a_weighted_quantile_is_that_of_values_repeated():
    values = torch.tensor([[5.0], [1.0], [3.0]])
    repeated = np.array([1.0, 1, 1, 3, 5, 5])
    levels = torch.tensor([0.1, 0.5, 0.6, 0.9]).double()
    found = weighted_quantiles(values, torch.tensor([2.0, 3.0, 1.0]), levels)[:, 0]
    assert found.tolist() == np.quantile(repeated, levels.numpy(), method="inverted_cdf").tolist()


def test_two_samples_apart_by_d_have_a_spread_of_d_over_root_two():
    samples = torch.zeros(2, 3, 4, 3)
    samples[1, ..., 0] = 0.1
    assert_close(spread_m(samples), torch.full((3, 4), 0.1 / 2**0.5))


def test_the_sample_between_the_others_is_given_out_and_padding_has_no_say():
    samples = torch.zeros(1, 3, 4, 2, 3)
    samples[0, :, :, :, 1] = torch.tensor([0.0, 0.5, 0.4])[:, None, None]
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert given_out(samples, mask).tolist() == [2]
    mask[0, 3] = False
    samples[0, 2, 3] = 50.0
    assert given_out(samples, mask).tolist() == [2]


def test_the_spread_taken_for_the_deviation_of_a_normal_error_is_chis_quantile():
    error = judged()
    deviation = SIGMA_M * 3**0.5  # root of the mean square of a vector of three
    radii = normal_radius_m(deviation.expand(1, 2), 0.8)
    assert_close((error.error_m <= radii).double().mean(), torch.tensor(0.8).double(), rtol=0, atol=0.01)


def calibration(samples: int = 3) -> BandCalibration:
    return BandCalibration(
        weights="ab",
        samples=samples,
        sampling=SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0),
        plan=WindowPlan(length=16, overlap=4),
        stretches=4,
        people=2,
        bands=JointBands(
            levels=(0.5, 0.9), offset_m=(0.1, 0.0), slope=(0.0, 2.0), quantile=((1.0, 1.0), (2.0, 3.0))
        ),
    )


def test_a_record_survives_its_file_and_gives_the_radius_of_every_joint_and_frame():
    kept = BandCalibration.model_validate_json(calibration().model_dump_json())
    assert kept == calibration()
    samples = normal(3, 5, 2, 3)
    found = radius(kept, samples)
    assert_close(found[:, 0], torch.full((5,), 0.2).double())
    assert_close(found[:, 1], 6 * spread_m(samples)[:, 1])


def test_a_joint_is_a_guess_where_its_radius_is_beyond_the_limit():
    assert is_guess(torch.tensor([[0.19, 0.21]]), 0.2).tolist() == [[False, True]]


def test_a_joint_that_is_always_right_has_a_band_of_no_width_and_no_nan():
    one = judged()
    exact = replace(one, error_m=torch.zeros_like(one.error_m), spread_m=torch.zeros_like(one.spread_m))
    assert_close(calibrated(exact).radius_m(exact.spread_m, 0.9), torch.zeros_like(exact.error_m))


def test_one_person_alone_is_taken_as_they_are():
    bands = calibrated(judged(people=1, stretches=20))
    assert_close(
        share_inside(bands, judged(people=1, stretches=20), 0.9),
        torch.full((2,), 0.9).double(),
        atol=1e-3,
        rtol=0,
    )


def test_another_number_of_samples_is_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"calibrated on 3 samples, got 5; draw 3, or .* bands.samples=5"):
        radius(calibration(), normal(5, 4, 2, 3))


def test_a_level_that_was_not_calibrated_is_refused_with_those_that_were():
    with pytest.raises(InputError, match=r"calibrated for \(0.5, 0.9\), got 0.99"):
        radius(calibration(), normal(3, 4, 2, 3), level=0.99)


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match="samples must be at least two for a distance between them, got 1"):
        spread_m(normal(1, 4, 2, 3))
