import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from motiongrpo.diffusion.schedule import cosine_alpha_bar, signal_to_noise, squared_levels
from motiongrpo.diffusion.transition import Transition, ddim_step, egoallo_step

ALPHA_BAR = cosine_alpha_bar()
EXACT = {"rtol": 0, "atol": 1e-12}
PAIRS = [(1000, 841), (400, 361), (100, 81), (4, 1)]


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
    assert_close(step.sensitivity.square(), gained, rtol=1e-9, atol=0)


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


@pytest.mark.parametrize("eta", [0.3, 1.0])
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_the_divergence_of_a_step_is_closed_in_the_estimates(t, s, eta):
    """KL = ½ (a/σ)² ‖x̂_0 − x̂_0'‖², against torch.distributions."""
    x_t, old, new = torch.randn(3, 1, 4, 3, dtype=torch.float64)
    step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta)
    p, q = (
        Independent(Normal(tr.mean, tr.std.expand_as(tr.mean)), 2)
        for tr in (step.transition(x_t, x) for x in (old, new))
    )
    expected = 0.5 * step.sensitivity**2 * (old - new).square().sum((1, 2))
    assert_close(kl_divergence(p, q), expected, rtol=1e-9, atol=0)


def test_a_stride_too_long_for_egoallos_noise_is_refused():
    with pytest.raises(ValueError, match=r"steps must be at least 6 for egoallo's σ to fit"):
        egoallo_step(ALPHA_BAR[1000], ALPHA_BAR[999], ALPHA_BAR[squared_levels(5)[1]])
    assert float(egoallo_step(ALPHA_BAR[1000], ALPHA_BAR[999], ALPHA_BAR[squared_levels(6)[1]]).b) > 0


def test_an_impossible_eta_is_refused():
    with pytest.raises(ValueError, match=r"eta must lie in \[0, 1\], got 1.2"):
        ddim_step(ALPHA_BAR[4], ALPHA_BAR[1], eta=1.2)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_the_step_to_the_clean_end_is_the_estimate_itself(eta):
    """It has no density: σ = 0, and the mean is x̂_0 whatever x_t is."""
    clean = ALPHA_BAR[0]
    for step in (ddim_step(ALPHA_BAR[1], clean, eta), egoallo_step(ALPHA_BAR[1], clean, clean)):
        assert (float(step.a), float(step.b), float(step.std)) == (1.0, 0.0, 0.0)


def test_a_state_is_the_mean_and_so_many_deviations():
    mean, noise = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    transition = Transition(mean, torch.full((3, 1, 1), 0.2, dtype=torch.float64))
    assert_close(transition.sample(noise), mean + 0.2 * noise, **EXACT)


def test_a_transition_of_half_precision_estimates_is_computed_in_single():
    x_t = torch.randn(1, 4, 3)
    step = ddim_step(ALPHA_BAR[400], ALPHA_BAR[361], eta=1.0)
    transition = step.transition(x_t, torch.randn(1, 4, 3).bfloat16())
    assert transition.mean.dtype == torch.float32
