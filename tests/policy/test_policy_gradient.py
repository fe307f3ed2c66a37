"""The policy gradient against a closed form, and a trained policy against a known optimum."""

import copy

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.diffusion.sampler import reverse_step
from motiongrpo.policy.advantage import group_advantages
from motiongrpo.policy.rollout import roll_out, stratified_subset, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import accumulate_gradient
from tests.policy.linear import (
    FRAMES,
    LinearPolicy,
    expected_reward,
    first_step_divergence,
    noise,
    reward,
    rollout_config,
    windows,
)

DIMENSIONS = FRAMES * 226
FLAT = 10.0  # a floor so high that advantages are (r − mean) / FLAT, linear in the reward


def surrogate(**changes) -> SurrogateConfig:
    values = {
        "ratio": "importance",
        "clip_shift": 0.1,
        "clip_kl_nats": 0.1,
        "kl_weight": 0.0,
        "kl_limit_per_dim": 1e9,
    }
    return SurrogateConfig(**values | {"anchor_share": 0.0} | changes)


def optimiser(policy: LinearPolicy, rate: float = 1e-3, average: float = 0.0) -> Optimiser:
    config = OptimiserConfig(
        learning_rate=rate, weight_decay=0.0, warmup_steps=0, gradient_clip=1e9, ema_decay=average
    )
    return Optimiser(policy, config)


def gradient(policy, config, settings, seed, groups=64):
    """One estimate of the gradient of gain and bias, (2, level), as an update accumulates it."""
    generator = torch.Generator().manual_seed(seed)
    trained = stratified_subset(trainable_steps(config), config.trained_steps, generator)
    rollouts = roll_out(policy, windows(groups), config, trained, generator)
    advantage = group_advantages({"r": reward(rollouts.x)}, {"r": FLAT}, clamp=1e9)
    policy.zero_grad()
    for step in rollouts.steps:
        accumulate_gradient(policy, policy, rollouts, step, advantage, settings)
    return -torch.stack([policy.gain.grad, policy.bias.grad]) * FLAT


SAMPLING = {"steps": 6, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0}
UNBIASED = {
    "as it is": ({}, {}),
    "less noise": ({"eta": 0.5}, {}),
    "EgoAllo's sampler": ({"sampler": "egoallo"}, {}),
    "its sampler without the offset": ({"sampler": "egoallo_without_offset"}, {}),
    "no noise below a level": ({"deterministic_below": 400}, {}),
    "one latent a group": ({}, {"initial_noise": "shared"}),
    "one latent and no noise below": ({"deterministic_below": 400}, {"initial_noise": "shared"}),
    "only high levels": ({}, {"lowest_level": 400}),
    "some of the levels": ({}, {"trained_steps": 3}),
    "compared within a track": ({}, {"noise": noise("nested", tracks=2)}),
}


def estimates_of(policy, config, ratio, count=40):
    """Estimates at the scale of ∇J, (estimate, 2, level); zero for levels that are not trained.

    The baseline, a mean that includes the sample, gives a factor (G−1)/G; n levels and D dimensions are
    averaged.
    """
    group, qualified = config.group_size // config.tracks, len(trainable_steps(config))
    scale = DIMENSIONS * qualified * group / (group - 1)  # a level is trained n/qualified of the time
    return scale * torch.stack(
        [gradient(policy, config, surrogate(ratio=ratio), seed)[:, :-1] for seed in range(count)]
    )


def closed_form(policy, config):
    """∇J of gain and bias, (2, level), the last level left out; zero where a level has no action."""
    closed = torch.stack(torch.autograd.grad(expected_reward(policy, config), [policy.gain, policy.bias]))
    levels, trained = policy.levels[:-1], {t for t, _ in trainable_steps(config)}
    return closed[:, :-1] * torch.tensor([t in trained for t in levels])


@pytest.mark.parametrize("name", UNBIASED)
def test_the_estimator_has_the_closed_form_as_its_mean(name):
    """For every way to sample and to choose levels, with the plain ratio."""
    sampling, rollout = UNBIASED[name]
    policy = LinearPolicy(6)
    config = rollout_config(6, 16, **{"sampling": SAMPLING | sampling} | rollout)
    closed, estimates = closed_form(policy, config), estimates_of(policy, config, "importance")
    error = estimates.std(dim=0) / len(estimates) ** 0.5
    assert ((estimates.mean(dim=0) - closed).abs() <= 4 * error).all()
    assert (error < 0.25 * closed.abs().max()).all()  # the comparison is significant


def test_the_corrected_ratio_follows_another_gradient():
    """It weights every level by σ/a: this is not ∇J, but exactly ∇J without that weight."""
    policy, config = LinearPolicy(6), rollout_config(6, 16, sampling=SAMPLING)
    closed, estimates = closed_form(policy, config), estimates_of(policy, config, "corrected")
    weights = torch.stack(
        [reverse_step(t, s, config.sampling).sensitivity for t, s in trainable_steps(config)]
    )
    for scaled, unbiased in ((estimates, False), (estimates * weights, True)):
        error = scaled.std(dim=0) / len(scaled) ** 0.5
        assert bool(((scaled.mean(dim=0) - closed).abs() < 4 * error).all()) is unbiased


def test_the_last_step_has_no_density_and_no_gradient():
    policy, config = LinearPolicy(4), rollout_config(4, 8)
    assert all(s > 0 for _, s in trainable_steps(config))
    assert gradient(policy, config, surrogate(), seed=0)[:, -1].abs().max() == 0


def test_a_group_that_agrees_has_zero_gradient():
    policy, config = LinearPolicy(4), rollout_config(4, 8)
    rollouts = roll_out(policy, windows(3), config, trainable_steps(config), torch.Generator().manual_seed(0))
    advantage = group_advantages({"r": torch.full((3, 8), 0.4).double()}, {"r": 0.1}, clamp=5.0)
    for step in rollouts.steps:
        accumulate_gradient(policy, policy, rollouts, step, advantage, surrogate())
    assert policy.gain.grad.abs().max() == 0


def test_the_trained_policy_reaches_the_optimum_of_reward_minus_divergence():
    """With one trained step, whose state no policy changes, J/FLAT − β KL has a known maximiser."""
    config, weight, groups = rollout_config(2, 32), 0.02 / FLAT / DIMENSIONS, 16
    reference = LinearPolicy(2)
    policy = copy.deepcopy(reference)
    policy.gain.data[1], policy.bias.data[1] = 0.9, 0.05

    best = copy.deepcopy(policy)
    solver = torch.optim.LBFGS([best.gain, best.bias], max_iter=200, tolerance_grad=1e-14)
    factor = (config.group_size - 1) / config.group_size  # of the baseline that includes the sample

    def loss():
        solver.zero_grad()
        per_dim = factor * expected_reward(best, config) / DIMENSIONS / FLAT
        value = -(per_dim - weight * first_step_divergence(best, reference))
        value = value * 1e6
        value.backward()
        best.gain.grad[1], best.bias.grad[1] = 0.0, 0.0
        return value

    solver.step(loss)

    training = optimiser(policy, rate=0.02, average=0.98)
    holding = surrogate(kl_weight=weight)
    for update in range(400):
        generator = torch.Generator().manual_seed(update)
        training.config = training.config.model_copy(update={"learning_rate": 0.02 * 0.99**update})
        rollouts = roll_out(policy, windows(groups), config, trainable_steps(config), generator)
        advantage = group_advantages({"r": reward(rollouts.x)}, {"r": FLAT}, clamp=1e9)
        training.adam.zero_grad()
        accumulate_gradient(policy, reference, rollouts, rollouts.steps[0], advantage, holding)
        training.apply_gradients()
    moved = (best.gain[0] - reference.gain[0]).abs() + (best.bias[0] - reference.bias[0]).abs()
    assert moved > 0.1  # the optimum is not where we started
    assert_close(policy.gain[0], best.gain[0], rtol=0, atol=0.02)
    assert_close(policy.bias[0], best.bias[0], rtol=0, atol=0.02)
