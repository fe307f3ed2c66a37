import math

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.sampler import SamplingConfig, reverse_step
from motiongrpo.policy.surrogate import (
    StepRatio,
    SurrogateConfig,
    clipped_share,
    clipped_surrogate,
    kl_to_reference_per_dim,
    step_ratio,
)

T, S = 361, 324
SAMPLING = SamplingConfig(steps=30, eta=1.0, sampler="ddim", deterministic_below=0)
GAIN = float(reverse_step(T, S, SAMPLING).sensitivity)


def surrogate(ratio: str = "importance", **changes) -> SurrogateConfig:
    values = {
        "clip_shift": 0.1,
        "clip_kl_nats": 0.5,
        "kl_weight": 0.0,
        "kl_limit_per_dim": 1e9,
        "anchor_share": 0.0,
    }
    return SurrogateConfig(ratio=ratio, **values | changes)


def tensors(samples: int, frames: int = 6, features: int = 5, shift: float = 0.02):
    torch.manual_seed(0)
    old, change, noise = torch.randn(3, 1, samples, frames, features, dtype=torch.float64)
    return old + shift * change, old, noise


def test_the_log_ratio_is_the_difference_of_the_log_densities():
    new, old, noise = tensors(4)
    mask = torch.tensor([[True] * 4 + [False] * 2])
    x_t = torch.randn_like(old)
    step = reverse_step(T, S, SAMPLING)
    before, after = (step.transition(x_t[0], x_0[0]) for x_0 in (old, new))
    x_s = before.sample(noise[0])
    rows = mask.expand(4, -1)
    expected = after.log_prob(x_s, rows) - before.log_prob(x_s, rows)
    got = step_ratio(new, old, noise, mask, GAIN, surrogate())
    assert_close(got.log_ratio_per_dim[0] * 4 * 5, expected, rtol=0, atol=1e-9)
    assert_close(got.log_ratio, got.log_ratio_per_dim)


def test_before_the_first_update_every_ratio_is_one():
    _, old, noise = tensors(8)
    mask = torch.ones(1, 6, dtype=torch.bool)
    for kind in ("importance", "corrected"):
        assert step_ratio(old, old, noise, mask, GAIN, surrogate(kind)).log_ratio.abs().max() == 0


def test_expected_ratios_are_what_theory_says():
    """E[ratio] = 1 for the sum over dimensions, below 1 for their mean; the corrected one has mean zero."""
    samples = 200_000
    torch.manual_seed(0)
    old, change = torch.randn(2, 1, 1, 6, 5, dtype=torch.float64)
    noise = torch.randn(1, samples, 6, 5, dtype=torch.float64)
    new, old = (x.expand_as(noise) for x in (old + 0.3 / GAIN * change, old))
    mask = torch.ones(1, 6, dtype=torch.bool)
    per_dim = step_ratio(new, old, noise, mask, GAIN, surrogate()).log_ratio_per_dim
    ratio = (per_dim * 30).exp()
    assert abs(float(ratio.mean()) - 1) < 4 * float(ratio.std()) / samples**0.5
    of_mean = per_dim.exp()
    assert float(of_mean.mean()) < 1 - 10 * float(of_mean.std()) / samples**0.5
    corrected = step_ratio(new, old, noise, mask, GAIN, surrogate("corrected")).log_ratio
    assert abs(float(corrected.mean())) < 4 * float(corrected.std()) / samples**0.5


@pytest.mark.parametrize("gain", [0.5, 20.0])
def test_the_corrected_ratio_has_the_same_spread_at_every_level(gain):
    new, old, noise = tensors(4000)
    mask = torch.ones(1, 6, dtype=torch.bool)
    corrected = step_ratio(new, old, noise, mask, gain, surrogate("corrected"))
    assert_close(corrected.log_ratio, (0.02 * _change(new, old) * noise).mean((-1, -2)), rtol=0, atol=1e-12)
    identity = corrected.log_ratio_per_dim + 0.5 * gain**2 * (new - old).square().mean((-1, -2))
    assert_close(corrected.log_ratio, identity / gain, rtol=0, atol=1e-12)


def _change(new, old):
    return (new - old) / 0.02


def test_the_clip_range_follows_from_what_it_limits_and_from_the_real_frames():
    new, old, noise = tensors(2)
    half = torch.tensor([[True] * 3 + [False] * 3])
    config = surrogate("corrected", clip_shift=0.2)
    assert_close(step_ratio(new, old, noise, half, GAIN, config).clip.mean(), torch.tensor(0.2 / 15**0.5))
    plain = step_ratio(new, old, noise, half, GAIN, surrogate(clip_kl_nats=2.0)).clip
    assert_close(plain.mean(), torch.tensor(math.sqrt(4.0) / 15))


def test_padded_frames_change_nothing():
    new, old, noise = tensors(3)
    mask = torch.tensor([[True] * 4 + [False] * 2])
    before = step_ratio(new, old, noise, mask, GAIN, surrogate())
    divergence = kl_to_reference_per_dim(new, old, mask, GAIN)
    new[:, :, 4:] += 7.0
    after = step_ratio(new, old, noise, mask, GAIN, surrogate())
    assert_close(after.log_ratio, before.log_ratio, rtol=0, atol=0)
    assert_close(kl_to_reference_per_dim(new, old, mask, GAIN), divergence, rtol=0, atol=0)


def test_the_surrogate_stops_paying_beyond_the_clip_range():
    log_ratio = torch.tensor([[-0.3, -0.05, 0.05, 0.3]])
    ratio = StepRatio(log_ratio, torch.full((1, 4), 0.1), log_ratio)
    gain = clipped_surrogate(ratio, torch.ones(1, 4))
    assert_close(gain, torch.tensor([[math.exp(-0.3), math.exp(-0.05), math.exp(0.05), 1.1]]))
    loss = clipped_surrogate(ratio, -torch.ones(1, 4))
    assert_close(loss, -torch.tensor([[0.9, math.exp(-0.05), math.exp(0.05), math.exp(0.3)]]))
    assert clipped_share(ratio) == (0.25, 0.25)


def test_the_divergence_pulls_the_policy_and_not_the_reference():
    policy, reference = (torch.randn(1, 2, 6, 5, requires_grad=True) for _ in range(2))
    mask = torch.ones(1, 6, dtype=torch.bool)
    divergence = kl_to_reference_per_dim(policy, reference.detach(), mask, GAIN)
    divergence.sum().backward()
    assert policy.grad.abs().min() > 0
    assert reference.grad is None
    assert_close(divergence.detach(), (0.5 * GAIN**2 * (policy - reference).square().mean((-1, -2))).detach())
