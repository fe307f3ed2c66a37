"""Post-training end to end: the real network under the real reward, on a small scale."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, WithCompanion
from motiongrpo.base.seeds import seed_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy import grpo
from motiongrpo.policy.branch import CreditConfig
from motiongrpo.policy.collection import AdvantageConfig, judge
from motiongrpo.policy.evidence import DiagnosticsConfig
from motiongrpo.policy.grpo import AUDIT_LIMIT, GrpoConfig, Trainer, improve
from motiongrpo.policy.rollout import RolloutConfig, estimated_steps, roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.rewards.hybrid import HybridReward
from tests.bodies import window_batch
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.policy.linear import rollout_config
from tests.rewards.test_hybrid import hybrid
from tests.rewards.test_online import following as following_reward

TERMS = ["rotation", "position", "perceptual"]
EVERYTHING = window_batch(frames=6, count=8)


def windows(count: int, *address) -> WindowBatch:
    """Windows that depend only on their address."""
    first = seed_for(0, *address) % len(EVERYTHING)
    return EVERYTHING.rows((torch.arange(count) + first) % len(EVERYTHING))


CREDIT = CreditConfig(
    kind="sample",
    pairs=2,
    sd_rad=0.02,
    sd_contact=0.25,
    frames=1,
    body=True,
    perceptual_pairs=1,
    modes=2,
    null_control=False,
)
LOOK = DiagnosticsConfig(samples=2, every=2, levels=1, conditions=2, tracks=2, actions=3)


def config(
    updates: int = 3,
    passes: int = 1,
    seed: int = 0,
    empty_updates: int = 1,
    diagnostics: DiagnosticsConfig = LOOK,
    **rollout,
) -> GrpoConfig:
    chain: RolloutConfig = rollout_config(
        4, 4, **{"conditions": 2, "trained_steps": 2, "lowest_level": 64} | rollout
    )
    return GrpoConfig(
        updates=updates,
        passes=passes,
        checkpoint_every=1,
        seed=seed,
        rollout=chain,
        rewards=hybrid(terms=TERMS).config,
        advantage=AdvantageConfig(
            clamp=5.0,
            drop_below=1e-9,
            refills=0,
            empty_updates=empty_updates,
            calibration_conditions=4,
            shuffled=False,
        ),
        credit=CREDIT,
        surrogate=SurrogateConfig(
            ratio="corrected",
            clip_shift=0.1,
            clip_kl_nats=0.1,
            kl_weight=0.0,
            kl_limit_per_dim=1e9,
            anchor_share=0.0,
        ),
        optimiser=OptimiserConfig(
            learning_rate=1e-4, weight_decay=0.0, warmup_steps=0, gradient_clip=1.0, ema_decay=0.9
        ),
        diagnostics=diagnostics,
    )


def network(kind: type[Denoiser] = Denoiser) -> Denoiser:
    torch.manual_seed(0)
    return kind(denoiser_config()).double()


def trainer(settings: GrpoConfig) -> Trainer:
    return Trainer(network(), hybrid(terms=TERMS), windows, settings, torch.device("cpu"))


def post_trained(settings: GrpoConfig, policy: Denoiser | None = None):
    training = Optimiser(policy or network(), settings.optimiser)
    coach = trainer(settings)
    return training, list(improve(training, coach, coach.reward_scale()))


def test_every_update_is_told_and_every_pass_is_a_step():
    training, updates = post_trained(config(updates=3, passes=2))
    assert [update.step for update in updates] == [1, 2, 3]
    assert training.steps == 6
    for update in updates:
        assert set(update.reward) == set(update.measured) == set(update.reward_std) == set(TERMS)
        assert set(update.spread_mm) == {"trunk", "arms", "legs", "all"}
        assert update.audit.per_dim < 1e-12
    assert updates[-1].kl_per_dim > 0


class Forgetful(Denoiser):
    """A network with another output in training than in sampling, as by stray dropout."""

    def forward(self, x_t, t, condition, mask):
        x_0 = super().forward(x_t, t, condition, mask)
        return x_0 + 1e-3 * torch.is_grad_enabled()


def test_a_policy_that_is_not_what_was_sampled_stops_the_run_at_its_first_update():
    sentence = r"recomputed log-densities differ .* a dimension \(.* nats\), more than 1e-06; pass precision"
    with pytest.raises(Diverged, match=sentence):
        post_trained(config(), network(Forgetful))


DROP_ALL = 1e15  # times drop_below: no group reaches it


def run_of_drops(settings: GrpoConfig, empty_updates: int = 0, shares=(DROP_ALL,) * 9):
    """Updates with all groups dropped or none, by `shares` of the spread for each update."""
    training, coach = Optimiser(network(), settings.optimiser), trainer(settings)
    scale = coach.reward_scale()
    told = []
    for share in shares:
        spread = dict.fromkeys(TERMS, share)
        step = config(
            updates=len(told) + 1, passes=settings.passes, empty_updates=settings.advantage.empty_updates
        )
        coach = replace(coach, config=step)
        updates = improve(training, coach, replace(scale, spread=spread), empty_updates)
        told += list(updates)
        empty_updates = told[-1].empty_updates
    return training, told


def test_an_update_without_a_group_takes_no_step_and_is_told_as_such():
    before = network()
    training, (update,) = run_of_drops(config(passes=2, empty_updates=2), shares=[DROP_ALL])
    assert (update.step, update.dropped_share, update.empty_updates) == (1, 1, 1)
    assert update.gradient_norm is update.kl_per_dim is update.audit is None
    assert update.level == {}
    assert update.evidence is None
    assert set(update.reward) == set(TERMS)
    assert training.steps == 2
    for parameter, was in zip(training.model.parameters(), before.parameters(), strict=True):
        assert_close(parameter, was, rtol=0, atol=0)


def test_the_next_update_goes_on_where_the_count_stands():
    _, told = run_of_drops(config(empty_updates=2), shares=[DROP_ALL, 0.0, DROP_ALL, 0.0])
    assert [u.step for u in told] == [1, 2, 3, 4]
    assert [u.empty_updates for u in told] == [1, 0, 1, 0]
    assert [u.gradient_norm is None for u in told] == [True, False, True, False]


def test_updates_without_a_group_in_a_row_stop_the_run_with_a_remedy():
    sentence = "all groups of 2 updates in a row were dropped: .*amplitude_m or lower grpo.advantage.drop"
    with pytest.raises(Diverged, match=sentence):
        run_of_drops(config(empty_updates=2), shares=[DROP_ALL, DROP_ALL])
    with pytest.raises(Diverged, match="all groups of 1 update in a row were dropped"):
        run_of_drops(config(empty_updates=1))


def test_those_before_a_kill_count_too():
    with pytest.raises(Diverged, match="3 updates in a row"):
        run_of_drops(config(empty_updates=3), empty_updates=2, shares=[DROP_ALL])


def test_a_policy_too_far_from_the_pretrained_model_stops_the_run():
    """The update that leads there ends the run, without a record."""
    _, (calm,) = post_trained(config(updates=1))
    sentence = r"nats a dimension from the pretrained model, more than grpo\.surrogate\.kl_limit_per_dim="
    assert len(limited(1.001 * calm.kl_per_dim)) == 1
    with pytest.raises(Diverged, match=sentence):
        limited(0.999 * calm.kl_per_dim)


def limited(kl_limit_per_dim: float):
    settings = config(updates=1)
    surrogate = settings.surrogate.model_copy(update={"kl_limit_per_dim": kl_limit_per_dim})
    return post_trained(settings.model_copy(update={"surrogate": surrogate}))[1]


def test_looking_at_a_run_changes_no_weight_of_it():
    seen, updates = post_trained(config(updates=4, diagnostics=LOOK.model_copy(update={"every": 1})))
    unseen, others = post_trained(config(updates=4, diagnostics=LOOK.model_copy(update={"every": None})))
    assert [u.evidence is None for u in updates + others] == 4 * [False] + 4 * [True]
    for name, value in unseen.state().items():
        assert_close(seen.state()[name], value, rtol=0, atol=0)
    assert [u.reward for u in updates] == [u.reward for u in others]


def test_what_is_drawn_to_look_is_not_what_was_drawn_to_learn(monkeypatch):
    """With the random numbers of the update, the extra rollout would be correlated with it."""
    addresses = []

    def recorded(*address, **where):
        addresses.append(address)
        return grpo_generator(*address, **where)

    grpo_generator = grpo.generator_for
    monkeypatch.setattr(grpo, "generator_for", recorded)
    post_trained(config(updates=2, diagnostics=LOOK.model_copy(update={"every": 1})))
    assert len(addresses) == 5  # a calibration pool, then a rollout and an extra one per update
    assert len(set(addresses)) == len(addresses)


def test_an_update_tells_of_every_trained_level_and_now_and_then_of_every_term():
    _, updates = post_trained(config(updates=3))
    assert [u.evidence is None for u in updates] == [False, True, False]
    for update in updates:
        assert (
            0
            < update.kl_per_dim
            == pytest.approx(sum(update.level["kl_per_dim"].values()) / len(update.level["kl_per_dim"]))
        )
        for by_level in update.level.values():
            assert len(by_level) == 2
    found = updates[0].evidence
    assert -1 <= found.gradient_cosine <= 1
    assert set(found.level_cosine) == set(updates[0].level["rho_squared"])
    for by_term in (found.term_cosine, found.term_norm, found.condition_variance, found.action_variance):
        assert set(by_term) == set(TERMS)


def test_with_one_group_there_are_no_halves_to_compare():
    _, (update,) = post_trained(config(updates=1, conditions=1))
    assert update.evidence.gradient_cosine is None
    assert set(update.evidence.level_cosine.values()) == {None}
    assert update.evidence.term_norm["position"] > 0


def test_in_single_precision_the_audit_passes():
    settings = config(updates=1)
    coach = trainer(settings)
    coach = Trainer(network().float(), hybrid(terms=TERMS), _single, settings, torch.device("cpu"))
    coach.reward.perceptual.float()
    training = Optimiser(network().float(), settings.optimiser)
    (update,) = improve(training, coach, coach.reward_scale())
    assert update.audit.per_dim < AUDIT_LIMIT


def _single(count: int, *address) -> WindowBatch:
    batch = windows(count, *address)
    floats = {name: value.float() for name, value in batch.__dict__.items() if value.is_floating_point()}
    return WindowBatch(**batch.__dict__ | floats)


def test_a_run_in_two_parts_is_a_run_in_one():
    settings = config(updates=3)
    whole, _ = post_trained(settings)
    first, _ = post_trained(config(updates=1))
    resumed = Optimiser(copy.deepcopy(first.model), settings.optimiser)
    resumed.restore(first.state())
    coach = trainer(settings)
    assert [u.step for u in improve(resumed, coach, coach.reward_scale())] == [2, 3]
    for name, value in whole.state().items():
        assert_close(resumed.state()[name], value, rtol=0, atol=0)


def following(settings: GrpoConfig) -> tuple[Optimiser[Denoiser], Trainer]:
    """A policy and everything for its training, with the perceptual model in training, too."""
    reward = following_reward(hybrid().perceptual)
    coach = trainer(settings)
    judged = replace(coach.reward, perceptual=reward.training.averaged)
    return Optimiser(network(), settings.optimiser), replace(coach, reward=judged, online=reward)


def test_a_perceptual_model_that_follows_is_refreshed_between_updates_and_its_version_told():
    training, coach = following(config(updates=5))
    updates = list(improve(training, coach, coach.reward_scale()))
    assert [u.perceptual_version for u in updates] == [0, 0, 1, 1, 2]
    assert [set(u.refresh) for u in updates] == [
        set(),
        set(),
        {"loss", "pair_accuracy"},
        set(),
        {"loss", "pair_accuracy"},
    ]


def test_without_being_asked_the_perceptual_model_stays_what_it_was():
    coach = trainer(config(updates=3))
    before = copy.deepcopy(coach.reward.perceptual.state_dict())
    updates = list(improve(Optimiser(network(), coach.config.optimiser), coach, coach.reward_scale()))
    assert [u.perceptual_version for u in updates] == [0, 0, 0]
    for name, value in coach.reward.perceptual.state_dict().items():
        assert_close(value, before[name], rtol=0, atol=0)


def test_after_a_refresh_only_what_depends_on_the_perceptual_model_is_scaled_anew(monkeypatch):
    """Floor and spread of its own reward, on the same pool; its steepness and the joint terms stay."""
    used = []
    collect = grpo._collect
    monkeypatch.setattr(grpo, "_collect", lambda *args: used.append(args[2]) or collect(*args))
    training, coach = following(config(updates=3))
    first = coach.reward_scale()
    list(improve(training, coach, first))
    assert used[0] == used[1] == first
    assert used[2] == trainer_with(coach.reward).reward_scale() != first
    assert used[2].omega == first.omega
    for term in ("rotation", "position"):
        assert (used[2].floor[term], used[2].spread[term]) == (first.floor[term], first.spread[term])
    assert used[2].floor["perceptual"] != first.floor["perceptual"]
    assert used[2].spread["perceptual"] != first.spread["perceptual"]


def trainer_with(reward: HybridReward) -> Trainer:
    return replace(trainer(config()), reward=reward)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_with_a_model_that_follows_in_two_parts_is_a_run_in_one(at):
    """It is stopped before a refresh, after one, or between two."""
    policy, coach = following(config(updates=4))
    whole = WithCompanion(policy, coach.online.training, "perceptual")
    told = list(improve(policy, coach, coach.reward_scale()))
    policy, coach = following(config(updates=at))
    first = WithCompanion(policy, coach.online.training, "perceptual")
    before = list(improve(policy, coach, coach.reward_scale()))
    policy, coach = following(config(updates=4))
    resumed = WithCompanion(policy, coach.online.training, "perceptual")
    resumed.restore(first.state())
    assert before + list(improve(policy, coach, coach.reward_scale())) == told
    for name, value in whole.state().items():
        assert_close(resumed.state()[name], value, rtol=0, atol=0)


def test_a_refresh_that_diverges_says_whose_loss_it_was():
    training, coach = following(config(updates=3))
    next(coach.online.training.model.parameters()).data.fill_(float("nan"))
    with pytest.raises(Diverged, match="while the perceptual model was refreshed, the loss is nan; lower"):
        list(improve(training, coach, coach.reward_scale()))


def test_the_anchor_is_given_the_seed_of_the_run(monkeypatch):
    seeds = []
    real = grpo.gradient_pass
    monkeypatch.setattr(grpo, "gradient_pass", lambda *args: seeds.append(args[-2]) or real(*args))
    post_trained(config(updates=1, seed=3))
    assert seeds == [3]


def test_another_seed_is_another_run():
    a, b, c = (post_trained(config(updates=1, seed=seed))[1][0].reward for seed in (0, 0, 1))
    assert a == b
    assert a != c


def test_the_reference_stays_what_it_was():
    settings = config(updates=2)
    coach = trainer(settings)
    training = Optimiser(network(), settings.optimiser)
    list(improve(training, coach, coach.reward_scale()))
    for before, after in zip(network().parameters(), coach.reference.parameters(), strict=True):
        assert_close(after, before, rtol=0, atol=0)
        assert after.grad is None


def test_the_calibration_pool_fixes_steepness_floor_and_spread():
    scale = trainer(config()).reward_scale()
    assert scale == trainer(config()).reward_scale()
    assert set(scale.omega) == set(scale.floor) == set(scale.spread) == set(TERMS)
    assert scale.omega["perceptual"] == 0.2
    assert all(0 < scale.floor[term] < scale.spread[term] for term in ("rotation", "position"))


def test_with_nested_noise_floors_are_of_the_deviation_within_a_track():
    noise = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.1, "spacing_frames": 8.0}
    coach = trainer(config(noise=noise | {"octaves": 1}))
    scale, chain = coach.reward_scale(), coach.config.rollout
    pool = roll_out(coach.reference, windows(4, "calibration"), chain, [], coach.generator("calibration"))
    reward = coach.reward.rewards(judge(pool, coach.reward).values, scale.omega)["rotation"]
    by_track = reward.view(4, 2, 2).std(dim=2, correction=0)
    assert scale.floor["rotation"] == pytest.approx(float(by_track.flatten().quantile(0.25)))


@pytest.mark.parametrize("kind", ["branch", "derivative"])
def test_credit_at_the_clean_estimate_lowers_the_error_of_what_is_sampled(kind):
    """On the training windows; every pass is a step, and no density is used."""
    credit = CREDIT.model_copy(update={"kind": kind, "pairs": 4})
    settings = config(updates=12, passes=2)
    rate = settings.optimiser.model_copy(update={"learning_rate": 3e-3})
    settings = settings.model_copy(update={"credit": credit, "optimiser": rate})
    training, updates = post_trained(settings)
    assert training.steps == 24
    assert all(update.audit is None for update in updates)
    told = [update.evidence for update in updates if update.evidence is not None]
    assert told
    assert all(-1 <= e.gradient_cosine <= 1 and set(e.condition_variance) == set(TERMS) for e in told)
    first, last = (sum(u.measured["position"] for u in part) for part in (updates[:3], updates[-3:]))
    assert last < 0.95 * first


def test_the_last_step_of_a_chain_is_credited_and_has_no_part_in_how_far_the_policy_moved():
    settings = config(updates=1)
    credit = settings.credit.model_copy(update={"kind": "derivative"})
    rollout = settings.rollout.model_copy(update={"lowest_level": 1, "trained_steps": 30})
    _, (update,) = post_trained(settings.model_copy(update={"credit": credit, "rollout": rollout}))
    levels = [t for t, s in estimated_steps(rollout) if s > 0]
    assert [int(t) for t in update.level["kl_per_dim"]] == levels
    assert estimated_steps(rollout)[-1] not in [(t, s) for t, s in trainable_steps(rollout)]
    assert 0 <= update.kl_per_dim < float("inf")


def test_branches_of_a_run_in_two_parts_are_those_of_a_run_in_one():
    settings = config(updates=2).model_copy(update={"credit": CREDIT.model_copy(update={"kind": "branch"})})
    whole, _ = post_trained(settings)
    first, _ = post_trained(settings.model_copy(update={"updates": 1}))
    resumed = Optimiser(network(), settings.optimiser)
    resumed.restore(first.state())
    coach = trainer(settings)
    assert len(list(improve(resumed, coach, coach.reward_scale()))) == 1
    for name, value in whole.state().items():
        assert_close(resumed.state()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("credit", "changes", "sentence"),
    [
        ({"kind": "branch"}, {"surrogate": {"kl_weight": 0.1}}, "branch reads neither surrogate.kl_weight"),
        ({"kind": "derivative"}, {"advantage": {"shuffled": True}}, "derivative reads neither"),
        (
            {"kind": "derivative", "null_control": True},
            {},
            "null_control is a control of credit.kind: branch",
        ),
        ({"null_control": True}, {}, "null_control is a control of credit.kind: branch, got sample"),
    ],
)
def test_a_parameter_that_the_credit_does_not_read_is_refused(credit, changes, sentence):
    values = config().model_dump()
    for name, change in ({"credit": credit} | changes).items():
        values[name] |= change
    with pytest.raises(ValueError, match=sentence):
        GrpoConfig.model_validate(values)
