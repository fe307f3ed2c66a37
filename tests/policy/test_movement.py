"""How far an update moved the policy, against independently computed densities."""

import itertools

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from motiongrpo.diffusion.sampler import SamplingConfig, reverse_step
from motiongrpo.diffusion.schedule import squared_levels
from motiongrpo.policy.movement import movement
from motiongrpo.policy.surrogate import step_ratio
from tests.policy.test_update import FEATURES, FRAMES, moved, network, rollouts, surrogate

SAMPLING = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)


def test_every_level_is_measured_from_the_densities_of_its_step():
    """ρ² from the means of old and new policy, and the divergence of new policy and reference."""
    drawn, policy, reference = rollouts(real=(FRAMES, 4)), moved(network()), moved(network(), 3e-3)
    found = movement(policy, reference, drawn, surrogate())
    mask = drawn.mask.repeat_interleave(4, 0)
    for step, (t, s) in zip(drawn.steps, itertools.pairwise(squared_levels(4)), strict=False):
        old, new, far = (
            reverse_step(t, s, SAMPLING).transition(step.x_t.flatten(0, 1), x_0.flatten(0, 1))
            for x_0 in (step.x_0, *(_estimate(model, drawn, step) for model in (policy, reference)))
        )
        dimensions = mask.sum(1) * FEATURES
        square = (((new.mean - old.mean) / old.std).square().sum(-1) * mask).sum(1) / dimensions
        nats = (kl_divergence(Normal(new.mean, new.std), Normal(far.mean, far.std)).sum(-1) * mask).sum(1)
        assert found[t].rho_squared == pytest.approx(float(square.mean()), rel=1e-6)
        assert found[t].kl_nats == pytest.approx(float(nats.mean()), rel=1e-6)
        assert found[t].kl_per_dim == pytest.approx(float((nats / dimensions).mean()), rel=1e-6)


def _estimate(model, drawn, step):
    with torch.no_grad():
        return model(step.x_t, torch.full((2,), step.t), drawn.condition, drawn.mask)


def test_samples_beyond_the_clip_range_are_counted_by_side():
    drawn, policy, config = rollouts(), moved(network(), 3e-3), surrogate(clip_shift=1e-3)
    sides = set()
    for step in drawn.steps:
        found = movement(policy, network(), drawn, config)[step.t]
        x_0 = _estimate(policy, drawn, step)
        ratio = step_ratio(x_0, step.x_0, step.noise, drawn.mask, step.gain, config)
        rho, clip = ratio.log_ratio.exp().flatten().tolist(), float(ratio.clip[0, 0])
        assert found.clipped_low == sum(r < 1 - clip for r in rho) / len(rho)
        assert found.clipped_high == sum(r > 1 + clip for r in rho) / len(rho)
        sides.add(found.clipped_low - found.clipped_high)
    assert sides != {0.0}  # otherwise exchanging them would not be noticed


def test_a_policy_that_stayed_has_not_moved():
    found = movement(network(), network(), rollouts(), surrogate(clip_shift=1e-4))
    for level in found.values():
        assert max(level.__dict__.values()) < 1e-20
