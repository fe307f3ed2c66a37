"""One gradient step on real rollouts of a small network, against densities and gradients worked out apart."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.disturbance import DisturbanceConfig, disturbed
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.sampler import SamplingConfig, reverse_step
from motiongrpo.diffusion.schedule import squared_levels
from motiongrpo.diffusion.training import PretrainingLoss, denoised, noised_to_all_levels
from motiongrpo.policy.movement import movement
from motiongrpo.policy.rollout import Rollouts, roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import accumulate_gradient, add_anchor, gradient_pass
from tests.bodies import FPS, open_body, window_batch
from tests.denoisers import small
from tests.policy.linear import rollout_config

FRAMES, FEATURES = 6, 226
ADVANTAGE = torch.tensor([[1.0, -0.5, 0.2, -0.7], [0.1, 0.6, -1.5, 0.8]], dtype=torch.float64)


def network(seed: int = 0) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(small()).double()


def moved(policy: Denoiser, size: float = 1e-3) -> Denoiser:
    """The same network with other weights, nearby."""
    other = network()
    torch.manual_seed(7)
    for to, parameter in zip(other.parameters(), policy.parameters(), strict=True):
        to.data = parameter.data + size * torch.randn_like(parameter)
    return other


def surrogate(**changes) -> SurrogateConfig:
    values = {
        "ratio": "corrected",
        "clip_shift": 10.0,
        "clip_kl_nats": 1e6,
        "kl_weight": 0.0,
        "kl_limit_per_dim": 1e9,
    }
    return SurrogateConfig(**values | {"anchor_share": 0.0} | changes)


def optimiser(model: Denoiser) -> Optimiser[Denoiser]:
    config = OptimiserConfig(
        learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1e9, ema_decay=0.0
    )
    return Optimiser(model, config)


def rollouts(sampling: dict | None = None, real: tuple[int, int] = (FRAMES, FRAMES)) -> Rollouts:
    chain = {"steps": 4, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0} | (sampling or {})
    config = rollout_config(4, 4, sampling=chain)
    batch = window_batch(FRAMES, 2)
    batch = replace(batch, mask=torch.arange(FRAMES) < torch.tensor(real)[:, None])
    return roll_out(network(), batch, config, trainable_steps(config), torch.Generator().manual_seed(0))


def gradient(policy: Denoiser, sampled: Rollouts, advantage: torch.Tensor, **changes) -> torch.Tensor:
    policy.zero_grad()
    for step in sampled.steps:
        accumulate_gradient(policy, network(), sampled, step, advantage, surrogate(**changes))
    return torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])


@pytest.mark.parametrize("sampling", [{"eta": 1.0}, {"eta": 0.4}, {"sampler": "egoallo", "steps": 6}])
def test_log_ratio_and_divergence_are_those_of_the_densities_that_were_sampled(sampling):
    sampled, policy = rollouts(sampling, real=(FRAMES, 4)), moved(network())
    config = SamplingConfig(
        **{"steps": 4, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0} | sampling
    )
    mask = sampled.mask.repeat_interleave(4, 0)
    for step, (t, s) in zip(sampled.steps, itertools.pairwise(squared_levels(config.steps)), strict=False):
        assert step.t == t
        x_0 = policy(step.x_t, torch.full((2,), t), sampled.condition, sampled.mask).detach()
        coefficients = reverse_step(t, s, config)
        old, new = (coefficients.transition(step.x_t.flatten(0, 1), x.flatten(0, 1)) for x in (step.x_0, x_0))
        x_s = old.sample(step.noise.flatten(0, 1))
        dimensions = mask.sum(1) * FEATURES
        log_ratio = (new.log_prob(x_s, mask) - old.log_prob(x_s, mask)) / dimensions
        each = kl_divergence(Normal(old.mean, old.std), Normal(new.mean, new.std)).sum(-1)
        said = accumulate_gradient(policy, network(), sampled, step, ADVANTAGE, surrogate())
        assert said.per_dim == pytest.approx(float(log_ratio.abs().max()), rel=1e-6)
        stands = movement(policy, network(), sampled, surrogate())[t]
        assert stands.kl_per_dim == pytest.approx(float(((each * mask).sum(1) / dimensions).mean()), rel=1e-6)


def test_the_divergence_has_a_gradient_and_its_reference_has_none():
    """With nothing to gain, only the divergence moves the policy: downhill, towards the reference."""
    sampled, policy, reference = rollouts(), moved(network()), network()
    accumulate_gradient(policy, reference, sampled, sampled.steps[1], 0 * ADVANTAGE, surrogate(kl_weight=0.1))
    assert all(parameter.grad is None for parameter in reference.parameters())
    along = sum(
        float((p.grad * (p - q)).detach().sum())
        for p, q in zip(policy.parameters(), reference.parameters(), strict=True)
        if p.grad is not None
    )
    assert along > 0


def test_without_a_weight_the_divergence_is_watched_and_not_felt():
    sampled, policy = rollouts(), moved(network())
    said = gradient_pass(optimiser(policy), network(), sampled, 0 * ADVANTAGE, surrogate(), 0)
    assert said.gradient_norm == 0
    assert all(level.kl_nats > 0 for level in movement(policy, network(), sampled, surrogate()).values())


def test_the_gradient_is_the_mean_over_levels_of_advantage_times_the_shift_along_the_noise():
    sampled, policy = rollouts(), network()
    policy.zero_grad()
    objective = torch.zeros(()).double()
    for step in sampled.steps:
        x_0 = policy(step.x_t, torch.full((2,), step.t), sampled.condition, None)
        objective = objective + (((x_0 * step.noise).mean((-1, -2))) * ADVANTAGE).mean() / len(sampled.steps)
    (-objective).backward()
    expected = torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])
    assert_close(gradient(network(), sampled, ADVANTAGE), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ratio", ["corrected", "importance"])
def test_padded_frames_change_nothing(ratio):
    sampled = rollouts(real=(FRAMES, 4))
    before = gradient(moved(network()), sampled, ADVANTAGE, ratio=ratio, kl_weight=0.1)
    for step in sampled.steps:
        for values in (step.x_t, step.x_0, step.noise):
            values[1, :, 4:] += 3.0
    sampled.condition[1, 4:] -= 5.0
    after = gradient(moved(network()), sampled, ADVANTAGE, ratio=ratio, kl_weight=0.1)
    assert_close(after, before, rtol=0, atol=1e-12)


def test_permuting_a_group_changes_nothing():
    sampled, order = rollouts(), torch.tensor([1, 0, 2, 3])
    steps = [
        replace(s, x_t=s.x_t[:, order], x_0=s.x_0[:, order], noise=s.noise[:, order]) for s in sampled.steps
    ]
    permuted = gradient(network(), replace(sampled, steps=steps), ADVANTAGE[:, order])
    assert_close(permuted, gradient(network(), sampled, ADVANTAGE), rtol=0, atol=1e-12)


def test_the_gradient_of_all_groups_is_the_mean_of_the_gradients_of_each():
    sampled = rollouts()
    parts = [sampled.groups(torch.tensor(which)) for which in ([True, False], [False, True])]
    each = [gradient(network(), part, ADVANTAGE[i : i + 1]) for i, part in enumerate(parts)]
    together = gradient(network(), Rollouts.concatenate(parts), ADVANTAGE)
    assert_close(together, (each[0] + each[1]) / 2, rtol=0, atol=1e-12)


def test_the_audit_in_nats_counts_the_dimensions_of_each_sample():
    """The shorter window differs by more a dimension, and by as many nats as it has dimensions."""
    sampled = rollouts(real=(FRAMES, 2))
    sampled.steps[1].x_0[1] -= 0.05 * sampled.steps[1].noise[1]
    found = accumulate_gradient(
        moved(network()), network(), sampled, sampled.steps[1], ADVANTAGE, surrogate()
    )
    per_dim = []
    for row in range(2):
        part = sampled.groups(torch.arange(2) == row)
        alone = accumulate_gradient(
            moved(network()), network(), part, part.steps[1], ADVANTAGE[row : row + 1], surrogate()
        )
        per_dim.append(alone.per_dim)
    assert per_dim[1] > 2 * per_dim[0]
    expected = max(value * real * FEATURES for value, real in zip(per_dim, (FRAMES, 2), strict=True))
    assert found.per_dim == pytest.approx(max(per_dim))
    assert found.nats == pytest.approx(expected)


def test_a_log_ratio_that_is_not_finite_stops_the_run():
    sampled = rollouts()
    sampled.steps[1].x_0[0, 0, 0, 0] = float("nan")
    with pytest.raises(Diverged, match="the log ratio is nan"):
        gradient_pass(optimiser(network()), network(), sampled, ADVANTAGE, surrogate(), 0)


def test_the_anchor_draws_by_the_seed_of_the_run():
    def anchored(seed: int) -> torch.Tensor:
        training = optimiser(network())
        gradient(training.model, rollouts(), ADVANTAGE)
        add_anchor(training, rollouts().batch, 0.5, seed, None)
        return torch.cat([p.grad.flatten() for p in training.trained.values()])

    assert_close(anchored(1), anchored(1), rtol=0, atol=0)
    assert (anchored(1) - anchored(2)).abs().max() > 0


def test_the_audit_is_silent_for_the_rollouts_own_policy_and_not_for_another():
    sampled = rollouts()
    same = gradient_pass(optimiser(network()), network(), sampled, ADVANTAGE, surrogate(), 0)
    other = gradient_pass(optimiser(moved(network())), network(), sampled, ADVANTAGE, surrogate(), 0)
    assert same.audit.per_dim < 1e-12
    assert other.audit.per_dim > 1e-6


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_the_anchor_is_given_its_share_of_the_policys_gradient(share):
    """‖anchor‖ = share · ‖policy gradient‖, whatever that is."""
    sampled = rollouts()
    training = optimiser(network())
    alone = gradient(training.model, sampled, ADVANTAGE)
    add_anchor(training, sampled.batch, share, 0, None)
    both = torch.cat([p.grad.flatten() for p in training.trained.values()])
    assert_close((both - alone).norm(), share * alone.norm(), rtol=1e-9, atol=0)
    whole = gradient_pass(training, network(), sampled, ADVANTAGE, surrogate(anchor_share=share), 0)
    assert whole.gradient_norm == pytest.approx(float(both.norm()), rel=1e-9)


DISTURBANCE = DisturbanceConfig(share=1, floor_m=0.1, jitter_m=0.005, jitter_rad=0.01, gap_s=0.25, rate_hz=15)


@pytest.mark.parametrize(
    ("position", "disturbance"), [(None, None), (0.0, None), (2.0, None), (2.0, DISTURBANCE)]
)
def test_the_anchor_points_where_the_whole_pretraining_loss_falls(position, disturbance):
    """That in joint space is a part of it, and disturbed paths are, where the prior was made with them."""
    joint = position is not None and JointLoss(
        open_body(), FPS, JointLossConfig(position=position, velocity=0)
    )
    sampled, training = rollouts(), optimiser(network())
    batch = sampled.batch
    alone = gradient(training.model, sampled, ADVANTAGE)
    add_anchor(training, batch, 0.5, 0, PretrainingLoss(joint, disturbance) if joint else None)
    added = torch.cat([p.grad.flatten() for p in training.trained.values()]) - alone
    generator, beside = generator_for(0, "anchor", 0), generator_for(0, "anchor", 0, "disturbance")
    path = disturbance and disturbed(batch.T_world_cpf, batch.mask, FPS, disturbance, beside)
    found = denoised(training.model, noised_to_all_levels(batch, generator, path))
    loss = found.loss().total() + (joint(found.x_0_hat, batch) if joint else 0)
    towards = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(training.trained.values()))])
    assert float(added @ towards / added.norm() / towards.norm()) == pytest.approx(1, abs=1e-9)
