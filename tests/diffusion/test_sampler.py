import itertools

import pytest
import torch
from pydantic import ValidationError
from torch.testing import assert_close

from motiongrpo.diffusion.sampler import SamplingConfig, predictor, reverse_chain, reverse_step, sample
from motiongrpo.diffusion.schedule import cosine_alpha_bar, squared_levels
from motiongrpo.diffusion.transition import ddim_step
from tests.diffusion.test_denoiser import denoiser, inputs

ALPHA_BAR = cosine_alpha_bar()
MEAN, VARIANCE = 0.7, 0.25  # of Gaussian data whose exact denoiser is linear


def config(steps: int = 30, eta: float = 1.0, sampler: str = "ddim") -> SamplingConfig:
    return SamplingConfig(steps=steps, eta=eta, sampler=sampler, deterministic_below=0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def posterior_gain(t: int) -> torch.Tensor:
    """E[x_0 | x_t] = m + gain · (x_t − √ᾱ_t m)."""
    return ALPHA_BAR[t].sqrt() * VARIANCE / (ALPHA_BAR[t] * VARIANCE + 1 - ALPHA_BAR[t])


def posterior_mean(x_t, t):
    return MEAN + posterior_gain(int(t[0])) * (x_t - ALPHA_BAR[int(t[0])].sqrt() * MEAN)


def variance_after(levels: list[int], eta: float) -> float:
    """Of the state, carried exactly through the linear chain from N(0, 1)."""
    variance = torch.ones((), dtype=torch.float64)
    for t, s in itertools.pairwise(levels):
        step = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta)
        variance = (step.a * posterior_gain(t) + step.b).square() * variance + step.std.square()
    return float(variance)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_the_exact_denoiser_of_a_gaussian_keeps_its_marginals(eta):
    """By steps of one level the chain ends in the data's distribution; the error shrinks with the stride."""
    errors = [
        abs(variance_after(list(range(1000, -1, -stride)), eta) / VARIANCE - 1) for stride in (1, 10, 50)
    ]
    assert errors[0] < 0.01
    assert errors[0] < errors[1] / 5
    assert errors[1] < errors[2] / 2


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_the_sampler_makes_the_distribution_that_its_steps_imply(eta):
    x_T = torch.randn(1, 4000, 5, 2, generator=seeded(1), dtype=torch.float64)
    x_0 = sample(posterior_mean, x_T, config(eta=eta), seeded(2))
    expected = variance_after(squared_levels(30), eta)
    assert abs(float(x_0.mean()) - MEAN) < 5 * (expected / x_0.numel()) ** 0.5
    assert abs(float(x_0.var()) / expected - 1) < 5 * (2 / x_0.numel()) ** 0.5


def test_at_eta_one_every_level_of_the_chain_has_its_forward_marginal():
    """With x̂_0 drawn from the true posterior p(x_0 | x_t), the chain is the exact reverse of the noising."""
    mean, variance, draw = -0.4, 0.49, seeded(5)

    def posterior_draw(x_t, t):
        a = ALPHA_BAR[int(t[0])]
        precision = 1 / variance + a / (1 - a)
        centre = (mean / variance + a.sqrt() * x_t / (1 - a)) / precision
        return centre + torch.randn(x_t.shape, generator=draw, dtype=x_t.dtype) / precision.sqrt()

    x_T = torch.randn(1, 20000, 2, 2, generator=draw, dtype=torch.float64)
    for step in reverse_chain(posterior_draw, x_T, config(steps=10), seeded(6)):
        a = ALPHA_BAR[step.s]
        expected_mean, expected_var = a.sqrt() * mean, a * variance + 1 - a
        count = step.x_s.numel()
        assert abs(float(step.x_s.mean() - expected_mean)) < 5 * float(expected_var / count) ** 0.5
        assert abs(float(step.x_s.var() / expected_var) - 1) < 5 * (2 / count) ** 0.5


@pytest.mark.parametrize("sampler", ["egoallo", "egoallo_without_offset"])
@pytest.mark.parametrize("steps", range(2, 31))
def test_too_few_steps_for_egoallos_noise_are_refused_with_the_parameters(steps, sampler):
    """These are exactly the numbers of steps that its σ does not allow; ours allows any."""

    def walked() -> None:
        free = SamplingConfig.model_construct(steps=steps, eta=1.0, sampler=sampler)
        for t, s in itertools.pairwise(squared_levels(steps)):
            reverse_step(t, s, free)

    config(sampler="ddim", steps=steps)
    if steps >= 6:
        config(sampler=sampler, steps=steps)
        walked()
        return
    with pytest.raises(ValidationError, match=f"at least 6 with sampler: {sampler},.* got {steps}"):
        config(sampler=sampler, steps=steps)
    with pytest.raises(ValueError, match="steps must be at least 6"):
        walked()


@pytest.mark.parametrize(("t", "s"), [(1000, 841), (841, 784), (100, 81), (4, 1), (1, 0)])
def test_without_its_offset_egoallos_step_is_ddim_with_the_deviation_of_one_level(t, s):
    """DDIM's equation 12 with σ at 0.8 times the deviation of the step from t to t − 1."""
    x_t, x_0 = torch.randn(2, 1, 4, 3, dtype=torch.float64)
    sigma = reverse_step(t, s, config(sampler="egoallo")).std
    eps = (x_t - ALPHA_BAR[t].sqrt() * x_0) / (1 - ALPHA_BAR[t]).sqrt()
    mean = ALPHA_BAR[s].sqrt() * x_0 + (1 - ALPHA_BAR[s] - sigma**2).clamp(min=0).sqrt() * eps
    step = reverse_step(t, s, config(sampler="egoallo_without_offset"))
    assert_close(step.transition(x_t, x_0).mean, mean, rtol=0, atol=1e-12)
    assert_close(step.std, sigma, rtol=0, atol=0)


def test_egoallos_steps_have_their_published_constants():
    sigma = {1000: 0.7996, 841: 0.0883, 400: 0.0382, 100: 0.0182, 4: 0.0050, 1: 0.0}
    kept = {841: 0.92, 400: 0.81, 100: 0.38, 25: 0.11, 4: 0.013}
    for t, s in itertools.pairwise(squared_levels(30)):
        step = reverse_step(t, s, config(sampler="egoallo"))
        assert float(step.std) == pytest.approx(sigma.get(t, float(step.std)), abs=5e-5)
        assert float(step.b) == pytest.approx(kept.get(t, float(step.b)), abs=5e-3)


@pytest.mark.parametrize(("t", "s"), [(1000, 841), (841, 784), (100, 81), (4, 1)])
def test_egoallos_step_is_its_published_formula(t, s):
    """σ of one level from t, whatever the stride, and 0.1 under the root of the implied noise."""
    x_t, x_0 = torch.randn(2, 1, 4, 3, dtype=torch.float64)
    alpha_t = ALPHA_BAR[t] / ALPHA_BAR[t - 1]
    sigma = 0.8 * ((1 - ALPHA_BAR[t - 1]) / (1 - ALPHA_BAR[t]) * (1 - alpha_t)).sqrt()
    implied = (x_t - ALPHA_BAR[t].sqrt() * x_0) / (1 - ALPHA_BAR[t] + 0.1).sqrt()
    mean = ALPHA_BAR[s].sqrt() * x_0 + (1 - ALPHA_BAR[s] - sigma**2).sqrt() * implied
    step = reverse_step(t, s, config(sampler="egoallo")).transition(x_t, x_0)
    assert_close(step.mean, mean, rtol=0, atol=1e-12)
    assert_close(step.std, sigma.expand(1, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("sampler", ["ddim", "egoallo", "egoallo_without_offset"])
def test_a_chain_visits_every_level_and_ends_at_the_networks_estimate(sampler):
    x_T = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    seen = []

    def predict(x_t, t):
        seen.append(t.tolist())
        return 0.5 * x_t

    chain = list(reverse_chain(predict, x_T, config(steps=6, sampler=sampler), seeded()))
    levels = squared_levels(6)
    assert [(step.t, step.s) for step in chain] == list(itertools.pairwise(levels))
    assert seen == [[t, t] for t in levels[:-1]]
    assert_close(chain[0].x_t, x_T, rtol=0, atol=0)
    for step, following in itertools.pairwise(chain):
        assert_close(following.x_t, step.x_s, rtol=0, atol=0)
    assert_close(chain[-1].x_s, chain[-1].x_0, rtol=0, atol=0)
    assert_close(
        sample(predict, x_T, config(steps=6, sampler=sampler), seeded()), chain[-1].x_0, rtol=0, atol=0
    )


def test_the_noise_of_a_step_is_what_its_state_differs_by_from_the_mean():
    x_T = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    for step in list(reverse_chain(posterior_mean, x_T, config(steps=6), seeded()))[:-1]:
        transition = reverse_step(step.t, step.s, config(steps=6)).transition(
            step.x_t.flatten(0, 1), step.x_0.flatten(0, 1)
        )
        noise = (step.x_s.flatten(0, 1) - transition.mean) / transition.std
        assert_close(noise.view_as(x_T), step.noise, rtol=0, atol=1e-9)


def test_a_mask_without_padding_gives_what_no_mask_gives():
    model, (x, t, condition) = denoiser(), inputs(2, 3, 6)
    everything = torch.ones(2, 6, dtype=torch.bool)
    plain = model(x, t, condition, None)
    assert_close(predictor(model, condition, everything)(x, t), plain, rtol=0, atol=0)
    some = everything & (torch.arange(6) < torch.tensor([[3], [6]]))
    assert_close(predictor(model, condition, some)(x, t), model(x, t, condition, some), rtol=0, atol=0)


@pytest.mark.parametrize(
    "wrong", [{"eta": 0.0}, {"eta": 1.1}, {"steps": 1}, {"steps": 31}, {"sampler": "ddpm"}]
)
def test_impossible_samplers_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        config(**wrong)


def test_below_a_level_steps_take_no_noise():
    """Steps above it are unchanged; the deterministic ones are DDIM's with η = 0."""
    settings = config(steps=10).model_copy(update={"deterministic_below": 400})
    for t, s in itertools.pairwise(squared_levels(10)):
        expected = ddim_step(ALPHA_BAR[t], ALPHA_BAR[s], eta=float(t >= 400))
        assert_close(reverse_step(t, s, settings).std, expected.std)
        assert_close(reverse_step(t, s, settings).a, expected.a)


def test_only_ddim_has_a_step_without_noise():
    with pytest.raises(ValidationError, match="deterministic_below needs sampler: ddim"):
        SamplingConfig(steps=10, eta=1.0, sampler="egoallo", deterministic_below=400)
