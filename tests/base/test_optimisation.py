import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, WithCompanion

CALM = {"learning_rate": 0.1, "weight_decay": 0.0, "warmup_steps": 0, "gradient_clip": 1e9, "ema_decay": 0.9}


def model(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(3, 2).double()


def optimiser(net: nn.Module | None = None, **changes) -> Optimiser:
    return Optimiser(net or model(), OptimiserConfig(**(CALM | changes)))


def loss(opt: Optimiser, step: int) -> torch.Tensor:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return opt.model(x).square().mean()


def weights(opt: Optimiser) -> torch.Tensor:
    return nn.utils.parameters_to_vector(opt.model.parameters()).detach().clone()


def test_a_learner_and_its_companion_go_on_together():
    """One state, in which neither overwrites the other; what is evaluated is the learner alone."""
    pair = WithCompanion(optimiser(model(0)), optimiser(model(1)), "beside")
    for step, opt in ((0, pair.learner), (1, pair.companion), (2, pair.companion)):
        opt.step(loss(opt, step))
    again = WithCompanion(optimiser(model(2)), optimiser(model(3)), "beside")
    again.restore(pair.state())
    assert (again.learner.steps, again.companion.steps) == (1, 2)
    assert again.state().keys() == pair.state().keys()
    for name, value in pair.state().items():
        assert_close(again.state()[name], value, rtol=0, atol=0)
    for opt in (pair.learner, again.learner, pair.companion, again.companion):
        opt.step(loss(opt, 3))
    assert_close(weights(again.learner), weights(pair.learner), rtol=0, atol=0)
    assert_close(weights(again.companion), weights(pair.companion), rtol=0, atol=0)
    assert pair.averaged_weights().keys() == model().state_dict().keys()
    assert_close(pair.averaged_weights()["weight"], pair.learner.averaged.weight, rtol=0, atol=0)


def test_the_first_update_moves_every_weight_by_the_rate_and_warm_up_divides_it():
    """Adam's first step is sign(g) times the rate; at step k of n of the warm-up, the rate is k/n of it."""
    for warmup, expected in ((0, 0.1), (1, 0.1), (4, 0.025)):
        opt = optimiser(warmup_steps=warmup)
        before = weights(opt)
        opt.step(loss(opt, 0))
        moved = (weights(opt) - before).abs()
        assert_close(moved, torch.full_like(moved, expected), rtol=0, atol=1e-7)


def test_the_rate_rises_linearly_and_stays():
    opt = optimiser(warmup_steps=4)
    rates = []
    for step in range(6):
        opt.step(loss(opt, step))
        rates.append(opt.adam.param_groups[0]["lr"])
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1], abs=1e-15)


def test_weights_decay_apart_from_the_gradient():
    """AdamW: without a gradient a weight shrinks by rate times decay."""
    opt = optimiser(weight_decay=0.5)
    before = weights(opt)
    opt.step(0 * loss(opt, 0))
    assert_close(weights(opt), before * (1 - 0.1 * 0.5), rtol=0, atol=1e-12)


def test_the_norm_is_global_and_the_one_before_clipping():
    opt = optimiser(gradient_clip=0.25)
    loss(opt, 0).backward()
    gradient = nn.utils.parameters_to_vector(p.grad for p in opt.model.parameters()).clone()
    assert opt.apply_gradients() == pytest.approx(float(gradient.norm()), abs=1e-12)
    clipped = nn.utils.parameters_to_vector(p.grad for p in opt.model.parameters())
    assert_close(clipped, 0.25 * gradient / gradient.norm(), rtol=1e-5, atol=0)  # torch adds 1e-6 to the norm


def test_a_small_gradient_is_not_clipped():
    opt = optimiser(gradient_clip=100.0)
    loss(opt, 0).backward()
    before = opt.model.weight.grad.clone()
    opt.apply_gradients()
    assert torch.equal(opt.model.weight.grad, before)


def test_gradients_of_an_earlier_step_do_not_linger():
    one, two = optimiser(), optimiser()
    for step in range(3):
        one.step(loss(one, step))
        two.model.zero_grad()
        loss(two, step).backward()
        two.apply_gradients()
    assert torch.equal(weights(one), weights(two))


@pytest.mark.parametrize("decay", [0.0, 0.6, 0.9])
def test_the_moving_average_is_the_closed_form_over_all_weights_there_were(decay):
    """E_n = dⁿ θ_0 + (1 − d) Σ_k dⁿ⁻ᵏ θ_k."""
    opt = optimiser(ema_decay=decay)
    history = [weights(opt)]
    for step in range(5):
        opt.step(loss(opt, step))
        history.append(weights(opt))
    share = [decay**5, *((1 - decay) * decay ** (5 - k) for k in range(1, 6))]
    expected = sum(s * theta for s, theta in zip(share, history, strict=True))
    averaged = nn.utils.parameters_to_vector(opt.averaged.parameters())
    assert_close(averaged, expected, rtol=0, atol=1e-12)
    assert list(opt.averaged_weights()) == ["weight", "bias"]


def test_averaged_weights_are_a_copy():
    opt = optimiser()
    taken = opt.averaged_weights()
    before = copy.deepcopy(taken)
    opt.step(loss(opt, 0))
    assert torch.equal(taken["weight"], before["weight"])
    assert not torch.equal(opt.averaged_weights()["weight"], before["weight"])


def test_frozen_weights_stay_and_have_no_state():
    net = model()
    net.bias.requires_grad_(False)
    opt = optimiser(net, weight_decay=0.5)
    before = net.bias.clone()
    opt.step(loss(opt, 0))
    assert torch.equal(net.bias, before)
    assert not any(name.startswith("adam.bias") for name in opt.state())


def test_a_state_goes_on_bit_for_bit_in_another_process():
    """Five steps, against three steps, a saved state, and two steps in a new optimiser with other weights."""
    changes = {"warmup_steps": 4, "weight_decay": 0.01, "gradient_clip": 0.1}
    whole, first = optimiser(**changes), optimiser(**changes)
    for step in range(3):
        whole.step(loss(whole, step))
        first.step(loss(first, step))
    state = first.state()
    kept = copy.deepcopy(state)
    second = optimiser(model(seed=1), **changes)
    second.restore(state)
    for step in (3, 4):
        whole.step(loss(whole, step))
        second.step(loss(second, step))
    assert whole.state().keys() == second.state().keys()
    for name, value in whole.state().items():
        assert torch.equal(second.state()[name], value), name
    for name, value in kept.items():
        assert torch.equal(state[name], value), name  # restoring must not write into its argument


def test_the_state_of_a_training_that_has_not_begun_restores():
    restored, other = optimiser(), optimiser(model(seed=1))
    restored.restore(other.state())
    assert torch.equal(weights(restored), weights(other))
    for opt in (restored, other):
        opt.step(loss(opt, 0))
    assert torch.equal(weights(restored), weights(other))
    assert restored.steps == 1
