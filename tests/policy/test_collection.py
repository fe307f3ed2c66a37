"""Rollouts of the real network under the real reward, on a small scale."""

import copy

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.errors import InputError
from motiongrpo.optimisation import Optimiser, OptimiserConfig
from motiongrpo.policy.advantage import RewardScale, group_advantages
from motiongrpo.policy.collection import AdvantageConfig, Collector, judge
from motiongrpo.policy.diagnostics import pairwise_distance, spread_mm
from motiongrpo.policy.rollout import roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import add_anchor, gradient_pass
from tests.bodies import window_batch
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.policy.linear import rollout_config
from tests.rewards.test_joint import hybrid

TERMS = ["position", "rotation"]
SCALE = RewardScale(
    omega={"position": 2.0, "rotation": 1.0, "perceptual": 0.2},
    floor=dict.fromkeys(TERMS, 1e-9),  # the untrained network hardly spreads
    spread=dict.fromkeys(TERMS, 0.0),  # every group teaches
)


def policy() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(denoiser_config()).double()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Supply:
    """Hands out windows and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.batch = window_batch(frames=8, count=6)

    def __call__(self, count: int, attempt: int):
        self.asked.append((count, attempt))
        first = sum(count for count, _ in self.asked[:-1])
        return self.batch.rows(torch.arange(first, first + count) % 6)


def collector(supply: Supply, scale: RewardScale = SCALE, **changes) -> Collector:
    rollout = rollout_config(4, 4, **({"conditions": 3} | changes))
    drop = AdvantageConfig(clamp=5.0, drop_below=0.01, refills=2, calibration_conditions=2)
    return Collector(rollout, drop, hybrid(terms=TERMS), scale, supply)


def collect(collecting: Collector):
    return collecting.collect(policy(), trainable_steps(collecting.rollout), seeded())


def test_groups_that_all_teach_are_all_kept():
    supply = Supply()
    collected = collect(collector(supply))
    assert supply.asked == [(3, 0)]
    assert collected.dropped_share == 0
    assert len(collected.rollouts.batch) == 3
    expected = group_advantages(collected.rewards, SCALE.floor, 5.0)
    assert_close(collected.advantage, expected)


def test_dropped_groups_are_refilled_at_most_twice_and_their_share_is_told():
    supply = Supply()
    everyday = collect(collector(Supply()))
    deviation = torch.stack([r.std(dim=1, correction=0) for r in everyday.rewards.values()])
    between = dict(zip(everyday.rewards, 101 * deviation.min(dim=1).values.double(), strict=True))
    scale = RewardScale(SCALE.omega, SCALE.floor, {term: float(v) for term, v in between.items()})
    collected = collect(collector(supply, scale))
    assert 1 <= len(supply.asked) <= 3
    assert [attempt for _, attempt in supply.asked] == list(range(len(supply.asked)))
    seen, kept = sum(count for count, _ in supply.asked), len(collected.rollouts.batch)
    assert collected.dropped_share == pytest.approx(1 - kept / seen)
    assert collected.rewards["position"].shape == (seen, 4)


def test_when_no_group_teaches_the_run_stops_with_a_remedy():
    scale = RewardScale(SCALE.omega, SCALE.floor, dict.fromkeys(TERMS, 1e9))
    with pytest.raises(InputError, match=r"all 9 groups of an update were dropped.*amplitude_m"):
        collect(collector(Supply(), scale))


def test_nested_noise_compares_samples_of_one_track():
    noise = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.05}
    noise |= {"spacing_frames": 8.0, "octaves": 1}
    collected = collect(collector(Supply(), noise=noise))
    assert collected.advantage.shape == (6, 2)
    assert_close(collected.advantage.sum(dim=1), torch.zeros(6).double(), rtol=0, atol=1e-9)


def surrogate(**changes) -> SurrogateConfig:
    values = {"ratio": "corrected", "clip_shift": 0.1, "clip_kl_nats": 0.1, "kl_weight": 0.0}
    return SurrogateConfig(**values | {"anchor_share": 0.0} | changes)


def optimiser(model: Denoiser) -> Optimiser[Denoiser]:
    config = OptimiserConfig(
        learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1e9, ema_decay=0.0
    )
    return Optimiser(model, config)


def test_the_first_pass_finds_the_rollouts_own_densities_and_the_second_finds_others():
    collected = collect(collector(Supply()))
    training = optimiser(policy())
    reference = copy.deepcopy(training.model)
    passes = [
        gradient_pass(training, reference, collected.rollouts, collected.advantage, surrogate())
        for _ in range(2)
    ]
    assert passes[0].audit < 1e-12
    assert passes[1].audit > 1e-6
    assert passes[0].kl_per_dim < 1e-20 < passes[1].kl_per_dim


def test_a_step_raises_what_was_better_than_its_group():
    collected = collect(collector(Supply()))
    training = optimiser(policy())
    before = copy.deepcopy(training.model)
    gradient_pass(training, before, collected.rollouts, collected.advantage, surrogate())
    gain = 0.0
    for step in collected.rollouts.steps:
        t = torch.full((len(step.x_t),), step.t)
        change = training.model(step.x_t, t, collected.rollouts.condition, None) - step.x_0
        gain += float(((change.detach() * step.noise).mean((-1, -2)) * collected.advantage).mean())
    assert gain > 0


def test_the_anchor_has_its_share_of_the_gradient():
    collected = collect(collector(Supply()))

    def gradients(share: float) -> torch.Tensor:
        training = optimiser(policy())
        for parameter in training.trained.values():
            parameter.grad = torch.ones_like(parameter)
        add_anchor(training, collected.rollouts.batch, share)
        return torch.cat([p.grad.flatten() for p in training.trained.values()])

    base = torch.ones_like(gradients(0.1))
    added = gradients(0.2) - base
    assert_close(added.norm(), 0.2 * base.norm(), rtol=1e-9, atol=0)
    assert_close(added, 2 * (gradients(0.1) - base), rtol=0, atol=1e-9)


def test_spread_is_the_mean_distance_between_samples_in_millimetres():
    p = torch.zeros(1, 3, 2, 22, 3, dtype=torch.float64)
    p[0, 1, :, :, 0] = 0.003
    p[0, 2, :, :, 0] = 0.009
    assert_close(pairwise_distance(p), torch.full((1, 2, 22), 0.006, dtype=torch.float64))
    p[0, :, 1] *= 100.0
    real = torch.tensor([[True, False]])
    assert spread_mm(p, real) == pytest.approx(dict.fromkeys(["trunk", "arms", "legs", "all"], 6.0))


def test_spread_does_not_see_where_a_body_was_placed():
    config = rollout_config(4, 4)
    rollouts = roll_out(policy(), window_batch(8, 2), config, [], seeded())
    reward = hybrid(terms=TERMS)
    true = judge(rollouts, reward)
    moved = rollouts.placement("true") + torch.rand(1, 4, 8, 7, generator=seeded()).double() * torch.tensor(
        [0, 0, 0, 0, 1.0, 1.0, 1.0]
    )
    perturbed = reward.measure(rollouts.by_group(), rollouts.batch, moved)
    assert_close(perturbed.p_head_joint, true.p_head_joint, rtol=0, atol=1e-9)
