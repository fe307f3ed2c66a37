"""A gradient summed over parts of whole groups equals the gradient of all groups."""

import copy
from dataclasses import asdict, replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.rollout import Rollouts, roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import gradient_pass
from tests.bodies import window_batch
from tests.denoisers import small
from tests.policy.linear import rollout_config

GROUPS, GROUP_SIZE, FRAMES = 4, 4, 6
TRACKS = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 16.0}
REAL = torch.arange(FRAMES) < torch.tensor([6, 4, 6, 5])[:, None]
SURROGATE = SurrogateConfig(
    ratio="corrected",
    clip_shift=10.0,
    clip_kl_nats=0.1,
    kl_weight=0.01,
    kl_limit_per_dim=1e9,
    anchor_share=0.1,
)
OPTIMISER = OptimiserConfig(
    learning_rate=1e-3, weight_decay=1e-4, warmup_steps=0, gradient_clip=1e9, ema_decay=0.9
)


def network(seed: int = 0) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(small()).double()


def sampled(at_once: int, scope: str = "nested") -> Rollouts:
    noise = TRACKS | {"scope": scope, "octaves": 1}
    config = rollout_config(4, GROUP_SIZE, conditions_at_once=at_once, noise=noise)
    batch = replace(window_batch(FRAMES, GROUPS), mask=REAL)
    return roll_out(network(), batch, config, trainable_steps(config), torch.Generator().manual_seed(0))


def updated(at_once: int, scope: str = "nested"):
    """Weights and diagnostics after one update of the sampling policy."""
    policy = network()
    for parameter in policy.parameters():
        parameter.data *= 1.01
    training = Optimiser(policy, OPTIMISER)
    rollouts = sampled(at_once, scope)
    advantage = torch.linspace(-1, 1, GROUPS * GROUP_SIZE, dtype=torch.float64).sin()
    found = gradient_pass(training, network(3), rollouts, advantage.view(rollouts.x.shape[:2]), SURROGATE, 0)
    gradient = {name: p.grad for name, p in policy.named_parameters() if p.grad is not None}
    return gradient, copy.deepcopy(policy.state_dict()), found


@pytest.mark.parametrize("scope", ["nested", "group", "sample"])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_parts_of_whole_groups_give_the_update_of_all_groups_at_once(at_once, scope):
    """Four groups in passes of one, of two, and of three and one; their numbers of real frames differ."""
    gradient, weights, found = updated(at_once, scope)
    whole_gradient, whole_weights, whole_found = updated(GROUPS, scope)
    assert max(float(g.abs().max()) for g in whole_gradient.values()) > 1e-4
    assert_close(gradient, whole_gradient, rtol=0, atol=1e-12)
    assert_close(weights, whole_weights, rtol=0, atol=1e-12)
    for name, value in asdict(whole_found).items():
        assert asdict(found)[name] == pytest.approx(value, rel=0, abs=1e-12), name


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_rollout_is_the_same_however_many_groups_the_network_sees_together(at_once):
    assert_close(sampled(at_once).x, sampled(GROUPS).x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_part_is_whole_groups_and_the_parts_are_all_of_them(at_once):
    rollouts = sampled(at_once)
    parts = [part for _, part in rollouts.parts()]
    assert max(len(part.batch) for part in parts) == at_once
    assert all(len(part.x) == 2 * len(part.batch) for part in parts)
    assert_close(torch.cat([part.batch.betas for part in parts]), rollouts.batch.betas, rtol=0, atol=0)
    assert_close(torch.cat([part.steps[1].noise for part in parts]), rollouts.steps[1].noise, rtol=0, atol=0)


def test_a_part_is_a_view():
    """Otherwise parts would double the memory that they are meant to save."""
    rollouts = sampled(2)
    first = next(part for _, part in rollouts.parts())
    assert first.steps[0].x_t.data_ptr() == rollouts.steps[0].x_t.data_ptr()
