"""Agreement of gradients, by hand, against slow loops over halves, and against a closed form."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.policy.advantage import group_advantages
from motiongrpo.policy.rollout import Rollouts
from motiongrpo.policy.signal import (
    Signal,
    added,
    dot,
    gradients_by_objective,
    gradients_of_estimates,
    norm,
    over_levels,
    signal,
    signals_by_level,
    signals_by_term,
    signals_of_estimates,
)
from motiongrpo.policy.update import accumulate_gradient, estimate_pass, gradient_pass
from tests.policy.test_accumulation import sampled as several_groups
from tests.policy.test_condition_noise import DIMENSIONS, GROUPS, SAMPLES, rollout
from tests.policy.test_update import ADVANTAGE, gradient, network, optimiser, rollouts, surrogate

A = [torch.tensor([3.0, 0.0]), None, torch.tensor([[4.0]])]
OPPOSED = [torch.tensor([-3.0, 0.0]), None, torch.tensor([[-4.0]])]
ACROSS = [torch.tensor([0.0, 2.0]), torch.ones(1), None]


@pytest.mark.parametrize(
    ("second", "length", "cosine"), [(A, 10.0, 1.0), (OPPOSED, 0.0, -1.0), (ACROSS, 30**0.5, 0.0)]
)
def test_identical_halves_agree_and_orthogonal_ones_do_not(second, length, cosine):
    found = signal([A, second])
    assert (found.norm, found.cosine) == (pytest.approx(length, abs=1e-6), pytest.approx(cosine, abs=1e-6))


def test_one_half_or_none_of_a_gradient_has_no_agreement():
    assert signal([A]) == Signal(5.0, None)
    assert signal([A, [None, None, None]]) == Signal(5.0, None)


def test_a_parameter_without_a_part_counts_as_zero():
    assert dot(A, ACROSS) == 0
    assert [x is None for x in added(A, [None, None, None])] == [False, True, False]
    assert_close(added(A, ACROSS)[1], torch.ones(1))


@pytest.mark.parametrize("scope", ["none", "group", "nested", "sample"])
def test_the_agreement_of_halves_is_signal_over_signal_and_noise(scope):
    """1 / (1 + (D−1)/n ρ²) for n useful samples a half; without noise on the condition ρ² is one.

    The one-step linear Gaussian policy of `test_condition_noise`: noise a sample hides the gradient.
    """
    share = 0.1 if scope == "sample" else 1.0
    compared = SAMPLES // 4 if scope == "nested" else SAMPLES
    worth = GROUPS * SAMPLES * (compared - 1) / compared * share
    found = [_cosine("group" if scope == "none" else scope, 2 * seed) for seed in range(150)]
    assert sum(found) / len(found) == pytest.approx(1 / (1 + (DIMENSIONS - 1) / worth), abs=0.02)


def _cosine(scope: str, seed: int) -> float:
    halves = []
    for half in (seed, seed + 1):
        config, reward, eps = rollout(scope, half)
        advantage = group_advantages({"r": config.compared(reward)}, {"r": 0.0}, clamp=1e9)
        halves.append([(advantage.view(len(eps), -1)[..., None] * eps).sum((0, 1))])
    return signal(halves).cosine


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b / a.norm() / b.norm())


def of_groups(drawn: Rollouts, advantage: torch.Tensor, level: int, groups: list[int]) -> torch.Tensor:
    """The gradient of a few groups at one level, as accumulated in an update."""
    which = torch.zeros(len(drawn.batch), dtype=torch.bool)
    which[groups] = True
    part, policy = drawn.groups(which), network()
    rows = which.repeat_interleave(drawn.tracks)
    accumulate_gradient(policy, policy, part, part.steps[level], advantage[rows], surrogate(), 1.0)
    return torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_norm_and_agreement_of_every_level_are_those_of_its_halves(at_once):
    """Four groups in nested tracks: the first two against the last two, level by level and in all."""
    drawn = several_groups(at_once)
    advantage = torch.linspace(-1, 1, drawn.x.shape[0] * drawn.x.shape[1]).double().sin()
    advantage = advantage.view(drawn.x.shape[:2])
    found = signals_by_level(network(), drawn, advantage, surrogate())
    halves = torch.stack(
        [
            torch.stack([of_groups(drawn, advantage, level, half) for level in range(len(drawn.steps))])
            for half in ([0, 1], [2, 3])
        ]
    )
    update = gradient_pass(optimiser(network()), network(), drawn, advantage, surrogate(), 0)
    for level, step in enumerate(drawn.steps):
        a, b = halves[:, level]
        assert found[str(step.t)].cosine == pytest.approx(cosine(a, b), abs=1e-9)
        assert found[str(step.t)].norm == pytest.approx(float((a + b).norm()) / 2, rel=1e-9)
        assert update.level_norm[str(step.t)] == pytest.approx(float((a + b).norm()) / 2, rel=1e-9)
    whole = halves.sum(1)
    assert found["all"].cosine == pytest.approx(cosine(whole[0], whole[1]), abs=1e-9)
    assert update.gradient_norm == pytest.approx(found["all"].norm, rel=1e-9)


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_the_gradient_of_estimates_at_a_level_is_that_of_the_pass_that_takes_it(at_once):
    """For any slope; the division into parts changes nothing."""
    drawn = several_groups(at_once)
    one_level = replace(drawn, steps=drawn.steps[:1])
    found = gradients_of_estimates(network(), drawn, list(drawn.parts()), {"all": lambda x, part: x.sin()})
    of_pass = estimate_pass(optimiser(network()), one_level, lambda x, part: x.sin(), 0, surrogate(), 0)
    first = norm(found[drawn.steps[0].t]["all"]) * len(
        drawn.steps
    )  # the mean over levels has its share of it
    assert float(first) == pytest.approx(of_pass.gradient_norm, rel=1e-9)
    told = signals_of_estimates(network(), drawn, lambda x, part: x.sin())
    assert told["all"].norm == pytest.approx(float(norm(over_levels(found)["all"])), rel=1e-9)
    assert set(told) == {"all", *(str(step.t) for step in drawn.steps)}


def test_each_terms_gradient_is_that_of_its_own_advantage():
    drawn = rollouts()
    terms = {"one": ADVANTAGE, "other": ADVANTAGE.flip(0).square()}
    found = signals_by_term(network(), drawn, terms, surrogate())
    for name, advantage in terms.items():
        alone = signals_by_level(network(), drawn, advantage, surrogate())["all"]
        assert found[name].norm == pytest.approx(alone.norm, rel=1e-9)
        assert found[name].cosine == pytest.approx(alone.cosine, abs=1e-9)


def test_terms_are_looked_at_without_touching_the_gradients_that_are_there():
    drawn, policy = rollouts(), network()
    before = gradient(policy, drawn, ADVANTAGE)
    found = gradients_by_objective(policy, drawn, drawn.steps[0], {"a": ADVANTAGE}, surrogate())
    after = torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])
    assert_close(after, before, rtol=0, atol=0)
    alone = network()
    accumulate_gradient(alone, alone, drawn, drawn.steps[0], ADVANTAGE, surrogate(), 3.0)
    trained = [p for p in alone.parameters() if p.requires_grad]
    for mine, theirs in zip(found["a"], trained, strict=True):
        assert_close(mine, -theirs.grad, rtol=0, atol=1e-12)
