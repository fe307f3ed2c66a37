"""Supervised fine-tuning on the joint terms: its gradient, its levels, and that it works."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.loss import add_noise
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.diffusion.training import strata
from motiongrpo.experiments.supervised import (
    SupervisedConfig,
    estimate_errors,
    fine_tune,
    joint_loss,
)
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.policy.linear import rollout_config
from tests.policy.test_grpo import network, windows
from tests.rewards.test_hybrid import hybrid

OMEGA = {"rotation": 2.0, "position": 3.0, "aligned_position": 5.0, "velocity": 0.5, "perceptual": 1e6}
JOINT = ["rotation", "position", "aligned_position", "velocity"]


def config(steps: int = 1, learning_rate: float = 1e-3, terms: list[str] = JOINT) -> SupervisedConfig:
    return SupervisedConfig(
        steps=steps,
        batch_size=4,
        checkpoint_every=1,
        seed=0,
        rollout=rollout_config(10, 4, lowest_level=64),
        rewards=hybrid(terms=terms).config,
        optimiser=OptimiserConfig(
            learning_rate=learning_rate, weight_decay=0, warmup_steps=0, gradient_clip=1.0, ema_decay=0.9
        ),
    )


def tuned(settings: SupervisedConfig, model: Denoiser | None = None):
    training = Optimiser(model or network(), settings.optimiser)
    batch = windows(4, "fixed")
    return training, list(fine_tune(training, lambda step: batch, hybrid(), OMEGA, settings))


def test_the_gradient_is_the_slope_of_minus_the_log_rewards_that_grpo_is_paid():
    """Along a random direction of all trained weights, against central differences of `HybridReward.measure`.

    Weights that affect only contacts must have no gradient, since no joint term depends on contacts.
    """
    model, batch, t = network(), windows(4, "slope"), torch.tensor([1000, 500, 200, 64])
    reward, placement = hybrid(), batch.T_world_cpf[:, None, 1:]
    torch.manual_seed(3)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    direction = [torch.randn_like(weight) for weight in weights]

    def minus_log_rewards() -> torch.Tensor:
        x_0 = true_motion(batch).pack()
        noise = torch.randn(x_0.shape, generator=generator_for(0, "slope")).to(x_0)
        x_0_hat = model(add_noise(x_0, noise, t)[:, None], t, model.condition(batch.T_world_cpf), None)
        paid = reward.rewards(reward.measure(x_0_hat, batch, placement).values, OMEGA)
        return -sum(paid[term].log().mean() for term in JOINT)

    def moved(by: float) -> torch.Tensor:
        with torch.no_grad():
            for weight, d in zip(weights, direction, strict=True):
                weight += by * d
            value = minus_log_rewards()
            for weight, d in zip(weights, direction, strict=True):
                weight -= by * d
        return value

    errors = estimate_errors(model, batch, t, reward, generator_for(0, "slope"))
    joint_loss(errors, OMEGA, JOINT).backward()
    pairs = zip(weights, direction, strict=True)
    slope = torch.stack([(weight.grad * d).sum() for weight, d in pairs if weight.grad is not None]).sum()
    assert_close(slope, (moved(1e-6) - moved(-1e-6)) / 2e-6, rtol=1e-5, atol=1e-6)


def test_it_lowers_every_joint_error_of_a_motion_it_sees_again_and_again():
    _, steps = tuned(config(steps=60, learning_rate=3e-3))
    assert [step.step for step in steps] == list(range(1, 61))
    first, last = (
        {term: sum(s.measured[term] for s in part) / 10 for term in JOINT}
        for part in (steps[:10], steps[-10:])
    )
    assert all(last[term] < 0.9 * first[term] for term in JOINT)


def test_what_it_minimises_is_the_weighted_sum_of_its_terms_and_never_the_perceptual_one():
    _, (step,) = tuned(config(terms=["position", "velocity", "perceptual"]))
    assert step.loss == pytest.approx(3.0 * step.measured["position"] + 0.5 * step.measured["velocity"])


class Watched(Denoiser):
    def forward(self, x_t, t, condition, mask):
        self.seen = [*getattr(self, "seen", []), *t.tolist()]
        return super().forward(x_t, t, condition, mask)


def test_only_levels_that_grpo_trains_are_seen():
    torch.manual_seed(0)
    model = Watched(denoiser_config()).double()
    tuned(config(steps=20), model)
    assert set(model.seen) == {81, 144, 225, 324, 441, 576, 729, 1000}  # of ten; two lie below 64


def test_a_batch_is_spread_evenly_over_the_levels():
    drawn = strata(12, 4, torch.Generator().manual_seed(0))
    assert drawn.bincount().tolist() == [3, 3, 3, 3]
    assert drawn.tolist() != sorted(drawn.tolist())


def test_a_training_in_two_parts_is_one_in_one():
    whole, _ = tuned(config(steps=3))
    first, _ = tuned(config(steps=1))
    second = Optimiser(network(), config().optimiser)
    second.restore(first.state())
    batch = windows(4, "fixed")
    rest = list(fine_tune(second, lambda step: batch, hybrid(), OMEGA, config(steps=3)))
    assert [step.step for step in rest] == [2, 3]
    for name, value in whole.state().items():
        assert_close(second.state()[name], value, rtol=0, atol=0)


class Broken(Denoiser):
    def forward(self, x_t, t, condition, mask):
        return super().forward(x_t, t, condition, mask) * float("nan")


def test_a_loss_that_is_not_finite_stops_the_run():
    torch.manual_seed(0)
    with pytest.raises(Diverged, match="the loss is nan"):
        tuned(config(), Broken(denoiser_config()).double())
