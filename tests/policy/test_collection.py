"""Rollouts of the real network under the real reward, on a small scale."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.advantage import RewardScale, group_advantages
from motiongrpo.policy.collection import AdvantageConfig, Collector, informative_groups, judge
from motiongrpo.policy.rollout import roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import gradient_pass
from tests.bodies import window_batch
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.policy.linear import rollout_config
from tests.rewards.test_hybrid import hybrid

TERMS = ["position", "rotation"]
SCALE = RewardScale(
    omega={"position": 2.0, "rotation": 1.0, "perceptual": 0.2},
    floor=dict.fromkeys(TERMS, 1e-9),  # the untrained network hardly spreads
    spread=dict.fromkeys(TERMS, 0.0),  # every group is informative
)


def policy() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(denoiser_config()).double()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Supply:
    """A supply of windows that records its requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.batch = window_batch(frames=8, count=6)

    def __call__(self, count: int, attempt: int):
        self.asked.append((count, attempt))
        first = sum(count for count, _ in self.asked[:-1])
        return self.batch.rows(torch.arange(first, first + count) % 6)


def collector(supply: Supply, scale: RewardScale = SCALE, terms: list[str] = TERMS, **changes) -> Collector:
    rollout = rollout_config(4, 4, **({"conditions": 3} | changes))
    drop = AdvantageConfig(
        clamp=5.0, drop_below=0.01, refills=2, empty_updates=3, calibration_conditions=2, shuffled=False
    )
    return Collector(rollout, drop, hybrid(terms=terms), scale, supply)


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


def test_shuffled_rewards_stay_in_their_group_and_leave_their_sample():
    """All terms of a sample move together, and the samples are the same as without shuffling."""
    plain = collect(collector(Supply()))
    settings = collector(Supply())
    shuffled = collect(replace(settings, advantage=settings.advantage.model_copy(update={"shuffled": True})))
    assert_close(shuffled.rollouts.x, plain.rollouts.x, rtol=0, atol=0)
    assert_close(shuffled.rewards, plain.rewards, rtol=0, atol=0)
    order = torch.isclose(shuffled.advantage[:, :, None], plain.advantage[:, None, :]).long()
    assert (order.sum(1) == 1).all()  # the advantages of a group in another order
    assert (order.sum(2) == 1).all()
    assert order.diagonal(dim1=1, dim2=2).sum() < order.sum() / 2
    for term, advantage in shuffled.term_advantage.items():
        moved = torch.einsum("gij,gj->gi", order.to(advantage), plain.term_advantage[term])
        assert_close(moved, advantage)


def test_without_an_informative_group_none_is_kept_and_what_was_sampled_is_told():
    scale = RewardScale(SCALE.omega, SCALE.floor, dict.fromkeys(TERMS, 1e9))
    collected = collect(collector(Supply(), scale))
    assert collected.dropped_share == 1
    assert len(collected.rollouts.batch) == 0
    assert collected.advantage.shape == (0, 4)
    assert collected.rewards["position"].shape == (9, 4)
    assert collected.spread_mm["all"] > 0


@pytest.mark.parametrize("noise", ["group", "sample", "nested"])
def test_an_update_without_a_group_has_no_row_whoever_shares_the_noise(noise):
    scale = RewardScale(SCALE.omega, SCALE.floor, dict.fromkeys(TERMS, 1e9))
    changes = {"noise": NESTED | {"octaves": 1, "scope": noise}}
    assert collect(collector(Supply(), scale, **changes)).advantage.shape[0] == 0


class Poisoned(Denoiser):
    """A network with one weight that is NaN."""

    def __init__(self, *of) -> None:
        super().__init__(*of)
        with torch.no_grad():
            next(self.parameters()).view(-1)[0] = float("nan")


def test_samples_of_poisoned_weights_stop_the_run():
    collecting = collector(Supply())
    with pytest.raises(Diverged, match=r"a sampled motion is nan; lower optimiser.learning_rate"):
        collecting.collect(
            Poisoned(denoiser_config()).double(), trainable_steps(collecting.rollout), seeded()
        )


def test_a_poisoned_window_stops_the_run():
    supply = Supply()
    supply.batch.q_parent_joint[1, 3, 5, 0] = float("nan")
    with pytest.raises(Diverged, match="a window of motion is nan; the motion store is damaged"):
        collect(collector(supply))


def test_a_poisoned_reward_is_not_taken_for_a_group_that_agrees():
    terms = ["position", "perceptual"]
    scale = RewardScale(SCALE.omega, dict.fromkeys(terms, 1e-9), dict.fromkeys(terms, 0.0))
    collecting = collector(Supply(), scale, terms)
    next(collecting.reward.perceptual.parameters()).data.fill_(float("nan"))
    with pytest.raises(Diverged, match="what the reward 'perceptual' is made of is nan"):
        collect(collecting)


def deviations(collected) -> torch.Tensor:
    return collected.rewards["position"].std(dim=1, correction=0)


def position_scale(spread: float) -> RewardScale:
    return RewardScale(SCALE.omega, SCALE.floor, {"position": spread})


def test_dropped_groups_are_refilled_and_what_is_kept_and_dropped_is_told():
    """A threshold between the smallest and the next deviation of the first three groups drops one of them."""
    low, middle, _ = deviations(collect(collector(Supply(), position_scale(0.0), TERMS[:1]))).sort().values
    bar = float(low + middle) / 2
    supply = Supply()
    collected = collect(collector(supply, position_scale(bar / 0.01), TERMS[:1]))
    assert supply.asked[:2] == [(3, 0), (1, 1)]
    above = deviations(collected) >= bar
    seen, kept = sum(count for count, _ in supply.asked), len(collected.rollouts.batch)
    assert len(above) == seen
    assert kept == int(above.sum())
    assert collected.dropped_share == pytest.approx(1 - kept / seen)
    assert collected.advantage.shape == (kept, 4)
    expected = group_advantages({"position": collected.rewards["position"][above]}, SCALE.floor, 5.0)
    assert_close(collected.advantage, expected)


def test_there_are_at_most_as_many_refills_as_allowed():
    supply = Supply()
    collect(collector(supply, position_scale(1e9), TERMS[:1]))
    assert supply.asked == [(3, 0), (3, 1), (3, 2)]


NESTED = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 8.0}


def test_nested_noise_compares_samples_of_one_track():
    collected = collect(collector(Supply(), noise=NESTED | {"octaves": 1}))
    assert collected.advantage.shape == (6, 2)
    expected = torch.zeros(6, 2).double()
    for term in TERMS:
        for row in range(6):
            r = collected.rewards[term][row // 2, 2 * (row % 2) : 2 * (row % 2) + 2]
            expected[row] += (r - r.mean()) / (r.std(correction=0) ** 2 + 1e-18) ** 0.5
    assert_close(collected.advantage, expected, rtol=0, atol=1e-9)


def test_a_group_whose_tracks_alone_differ_is_uninformative_when_noise_is_nested():
    by_track = {"position": torch.tensor([[0.1, 0.1, 0.7, 0.7], [0.1, 0.1, 0.1, 0.7]]).double()}
    whole = collector(Supply(), position_scale(1.0), TERMS[:1])
    nested = collector(Supply(), position_scale(1.0), TERMS[:1], noise=NESTED | {"octaves": 1})
    for collecting, expected in ((whole, [True, True]), (nested, [False, True])):
        found = informative_groups(by_track, collecting.scale, collecting.rollout, collecting.advantage)
        assert found.tolist() == expected


def surrogate(**changes) -> SurrogateConfig:
    values = {
        "ratio": "corrected",
        "clip_shift": 0.1,
        "clip_kl_nats": 0.1,
        "kl_weight": 0.0,
        "kl_limit_per_dim": 1e9,
    }
    return SurrogateConfig(**values | {"anchor_share": 0.0} | changes)


def optimiser(model: Denoiser) -> Optimiser[Denoiser]:
    config = OptimiserConfig(
        learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1e9, ema_decay=0.0
    )
    return Optimiser(model, config)


def test_a_step_raises_what_was_better_than_its_group():
    collected = collect(collector(Supply()))
    training = optimiser(policy())
    before = copy.deepcopy(training.model)
    gradient_pass(training, before, collected.rollouts, collected.advantage, surrogate(), 0)
    gain = 0.0
    for step in collected.rollouts.steps:
        t = torch.full((len(step.x_t),), step.t)
        change = training.model(step.x_t, t, collected.rollouts.condition, None) - step.x_0
        gain += float(((change.detach() * step.noise).mean((-1, -2)) * collected.advantage).mean())
    assert gain > 0


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
