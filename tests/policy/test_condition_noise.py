"""The effect of condition noise on the gradient, by its scope, in a one-step linear Gaussian policy.

An action is x = μ + λ c̃ + s ε with the condition's noise c̃ and the policy's own ε; its reward is linear in
x. A share ρ² = s²/(s² + λ²) of the compared variance is then due to the action, and the estimate Σ Â ε of n
samples in D dimensions has the cosine 1/√(1 + D/(n ρ²)) to the true direction.
"""

import pytest
import torch

from motiongrpo.policy.advantage import group_advantages, variance_split
from tests.policy.linear import rollout_config

GROUPS, SAMPLES, DIMENSIONS = 40, 16, 64
ACTION, CONDITION = 0.1, 0.3


def rollout(scope: str, seed: int):
    """Rewards (group, sample), and the policy's noise (row, sample, dimension)."""
    noise = {"kind": "perlin", "scope": scope, "tracks": 4, "amplitude_m": 0.0, "spacing_frames": 8.0}
    config = rollout_config(3, SAMPLES, noise=noise | {"octaves": 1})
    draw = torch.Generator().manual_seed(seed)
    rows, each = GROUPS * config.tracks, SAMPLES // config.tracks
    c = torch.randn(rows, 1, DIMENSIONS, generator=draw, dtype=torch.float64)
    eps = torch.randn(rows, each, DIMENSIONS, generator=draw, dtype=torch.float64)
    reward = (CONDITION * c + ACTION * eps).mean(-1)  # the true gradient points along (1, …, 1)
    return config, reward.view(GROUPS, SAMPLES), eps


def cosine(scope: str, seed: int) -> float:
    """The cosine between estimated and true gradient."""
    config, reward, eps = rollout(scope, seed)
    advantage = group_advantages({"r": config.compared(reward)}, {"r": 0.0}, clamp=1e9)
    estimate = (advantage.view(len(eps), -1)[..., None] * eps).sum((0, 1))
    return float(estimate.sum() / estimate.norm() / DIMENSIONS**0.5)


@pytest.mark.parametrize(("scope", "share"), [("group", 1.0), ("nested", 1.0), ("sample", 0.1)])
def test_noise_hides_the_gradient_by_as_much_as_it_explains_the_compared_rewards(scope, share):
    compared = SAMPLES // 4 if scope == "nested" else SAMPLES
    worth = GROUPS * SAMPLES * (compared - 1) / compared * share  # the baseline costs one sample
    expected = (1 + (DIMENSIONS - 1) / worth) ** -0.5
    measured = sum(cosine(scope, seed) for seed in range(100)) / 100
    assert measured == pytest.approx(expected, abs=0.02)


def test_the_variance_split_finds_the_actions_share():
    """For samples under several tracks: λ² from the condition, s² from the action."""
    split = [variance_split(rollout("nested", seed)[1].view(GROUPS, 4, 4)) for seed in range(50)]
    between, within = (torch.stack(part).mean() for part in zip(*split, strict=True))
    assert float(within / (within + between)) == pytest.approx(0.1, abs=0.01)
    assert float(within) * DIMENSIONS == pytest.approx(ACTION**2, rel=0.05)
