import itertools

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from motiongrpo.diffusion.sampler import SamplingConfig, reverse_chain, sample
from motiongrpo.diffusion.schedule import cosine_alpha_bar, signal_to_noise, squared_levels
from motiongrpo.diffusion.transition import ReverseStep, Transition, ddim_step, egoallo_step, sensitivity

ALPHA_BAR = cosine_alpha_bar()
EXACT = {"rtol": 0, "atol": 1e-12}
PAIRS = [(1000, 841), (400, 361), (100, 81), (4, 1)]


def test_the_schedule_is_the_published_one():
    expected = {
        0: 1.0,
        1: 0.999958715775,
        2: 0.999912575927,
        100: 0.972092737114,
        250: 0.847012161327,
        500: 0.493843590441,
        841: 0.0601554185,
        900: 0.0240917241,
        1000: 2.42877e-9,
    }
    for level, value in expected.items():
        assert abs(float(ALPHA_BAR[level]) - value) < 1e-10, level


def test_thirty_squared_levels_are_egoallos():
    assert squared_levels(30) == [1000, *(k * k for k in range(29, -1, -1))]
    for steps in range(2, 31):
        assert len(set(squared_levels(steps))) == steps + 1


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_ddim_with_full_noise_is_the_bayes_posterior(t, s):
    """p(x_s | x_t, x_0) by Gaussian conditioning: precisions add."""
    x_0, x_t = torch.randn(2, 2, 5, 3, dtype=torch.float64)
    scale = (ALPHA_BAR[t] / ALPHA_BAR[s]).sqrt()  # x_t = scale · x_s + noise
    prior, likelihood = 1 / (1 - ALPHA_BAR[s]), 1 / (1 - scale**2)
    variance = 1 / (prior + scale**2 * likelihood)
    mean = variance * (prior * ALPHA_BAR[s].sqrt() * x_0 + likelihood * scale * x_t)
    step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta=1.0).transition(x_t, x_0)
    assert_close(step.mean, mean, **EXACT)
    assert_close(step.std, variance.sqrt().expand(1, 1), **EXACT)


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_the_squared_sensitivity_is_the_signal_gained(t, s):
    step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta=1.0)
    gained = signal_to_noise(ALPHA_BAR[s]) - signal_to_noise(ALPHA_BAR[t])
    assert_close((step.a / step.std).square(), gained, rtol=1e-9, atol=0)
    assert_close(sensitivity(ALPHA_BAR[t], ALPHA_BAR[s]).square(), gained, rtol=1e-12, atol=0)


def test_without_noise_ddim_carries_the_implied_noise_on():
    x_0, eps = torch.randn(2, 1, 4, 3, dtype=torch.float64)
    x_t = ALPHA_BAR[400].sqrt() * x_0 + (1 - ALPHA_BAR[400]).sqrt() * eps
    step = ddim_step(ALPHA_BAR[400], ALPHA_BAR[100], eta=0.0).transition(x_t, x_0)
    expected = ALPHA_BAR[100].sqrt() * x_0 + (1 - ALPHA_BAR[100]).sqrt() * eps
    assert_close(step.mean, expected, **EXACT)


def test_the_log_density_is_that_of_torch_distributions():
    mean, x_s = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    std = torch.rand(3, 1, 1, dtype=torch.float64) + 0.1
    mask = torch.rand(3, 6) > 0.3
    expected = (Normal(mean, std).log_prob(x_s).sum(-1) * mask).sum(-1)
    assert_close(Transition(mean, std).log_prob(x_s, mask), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_the_divergence_of_a_step_is_closed_in_the_estimates(t, s):
    """KL = ½ (SNR(s) − SNR(t)) ‖x̂_0 − x̂_0'‖², against torch.distributions."""
    x_t, old, new = torch.randn(3, 1, 4, 3, dtype=torch.float64)
    step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta=1.0)
    p, q = (
        Independent(Normal(tr.mean, tr.std.expand_as(tr.mean)), 2)
        for tr in (step.transition(x_t, x) for x in (old, new))
    )
    gain = sensitivity(ALPHA_BAR[t], ALPHA_BAR[s])
    assert_close(kl_divergence(p, q), 0.5 * gain**2 * (old - new).square().sum((1, 2)), rtol=1e-9, atol=0)


def test_egoallos_step_has_its_published_coefficients():
    sigma = {1000: 0.7996, 841: 0.0883, 400: 0.0382, 100: 0.0182, 4: 0.0050}
    root = {841: 0.92, 400: 0.81, 100: 0.38, 25: 0.11, 4: 0.013}
    levels = squared_levels(30)
    for t, s in itertools.pairwise(levels):
        step: ReverseStep = egoallo_step(ALPHA_BAR[t], ALPHA_BAR[t - 1], ALPHA_BAR[s])
        if t in sigma:
            assert abs(float(step.std) - sigma[t]) < 6e-5
        if t in root:
            assert abs(float(step.b) - root[t]) < 6e-3
    assert float(step.std) == 0


MEAN, VARIANCE = 0.7, 0.25  # of Gaussian data whose exact denoiser is linear


def posterior_gain(t: int) -> torch.Tensor:
    """E[x_0 | x_t] = m + gain · (x_t − √ᾱ_t m)."""
    return ALPHA_BAR[t].sqrt() * VARIANCE / (ALPHA_BAR[t] * VARIANCE + 1 - ALPHA_BAR[t])


def variance_after(levels: list[int], eta: float) -> float:
    """Of the state, carried exactly through the linear chain from N(0, 1)."""
    variance = torch.ones((), dtype=torch.float64)
    for t, s in itertools.pairwise(levels):
        step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta)
        variance = (step.a * posterior_gain(t) + step.b).square() * variance + step.std.square()
    return float(variance)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_the_exact_denoiser_of_a_gaussian_keeps_its_marginals(eta):
    """One level at a time the chain ends in the data's distribution; the error shrinks with the stride."""
    errors = [
        abs(variance_after(list(range(1000, -1, -stride)), eta) / VARIANCE - 1) for stride in (1, 10, 50)
    ]
    assert errors[0] < 0.01
    assert errors[0] < errors[1] / 5
    assert errors[1] < errors[2] / 2


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_the_sampler_makes_the_distribution_that_its_steps_imply(eta):
    def posterior_mean(x_t, t):
        return MEAN + posterior_gain(int(t[0])) * (x_t - ALPHA_BAR[int(t[0])].sqrt() * MEAN)

    config = SamplingConfig(steps=30, eta=eta, sampler="ddim")
    generator = torch.Generator().manual_seed(1)
    x_T = torch.randn(1, 4000, 5, 2, generator=generator, dtype=torch.float64)
    x_0 = sample(posterior_mean, x_T, config, generator)
    expected = variance_after(squared_levels(30), eta)
    assert abs(float(x_0.mean()) - MEAN) < 5 * (expected / x_0.numel()) ** 0.5
    assert abs(float(x_0.var()) / expected - 1) < 5 * (2 / x_0.numel()) ** 0.5


def test_at_eta_one_every_level_of_the_chain_has_its_forward_marginal():
    """With x̂_0 drawn from the true posterior p(x_0 | x_t), the chain is the exact reverse of the noising."""
    mean, variance = -0.4, 0.49
    draw = torch.Generator().manual_seed(5)

    def posterior_draw(x_t, t):
        a = ALPHA_BAR[int(t[0])]
        precision = 1 / variance + a / (1 - a)
        centre = (mean / variance + a.sqrt() * x_t / (1 - a)) / precision
        return centre + torch.randn(x_t.shape, generator=draw, dtype=x_t.dtype) / precision.sqrt()

    config = SamplingConfig(steps=10, eta=1.0, sampler="ddim")
    x_T = torch.randn(1, 20000, 2, 2, generator=draw, dtype=torch.float64)
    for step in reverse_chain(posterior_draw, x_T, config, torch.Generator().manual_seed(6)):
        a = ALPHA_BAR[step.s]
        expected_mean, expected_var = a.sqrt() * mean, a * variance + 1 - a
        count = step.x_s.numel()
        assert abs(float(step.x_s.mean() - expected_mean)) < 5 * float(expected_var / count) ** 0.5
        assert abs(float(step.x_s.var() / expected_var) - 1) < 5 * (2 / count) ** 0.5


def test_an_impossible_eta_is_refused():
    with pytest.raises(ValueError, match=r"eta must lie in \[0, 1\], got 1.2"):
        ddim_step(ALPHA_BAR[4], ALPHA_BAR[1], eta=1.2)
