"""Mixed precision: which parts run in lower precision and which do not."""

import copy

import torch
from torch.testing import assert_close

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.precision import Precision, with_precision
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.movement import movement
from motiongrpo.policy.rollout import roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import gradient_pass
from tests.denoisers import small
from tests.policy.linear import rollout_config, windows

SURROGATE = SurrogateConfig(
    ratio="importance",
    clip_shift=0.1,
    clip_kl_nats=0.1,
    kl_weight=0.01,
    kl_limit_per_dim=1e9,
    anchor_share=0.0,
)
OPTIMISER = OptimiserConfig(
    learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1e9, ema_decay=0.9
)


def network(of: Precision) -> Denoiser:
    torch.manual_seed(0)
    return with_precision(Denoiser(small()), of)


def estimate(model: Denoiser) -> torch.Tensor:
    torch.manual_seed(1)
    inputs = torch.randn(2, 3, 8, 226), torch.tensor([400, 9]), torch.randn(2, 8, 154), None
    return model(*inputs).detach()


def test_bf16_lowers_the_forward_pass_and_nothing_that_leaves_it():
    """bfloat16 has 8 bits: an error between a thousandth and a few hundredths of the largest value."""
    full, low = estimate(network("fp32")), estimate(network("bf16"))
    error = float((low - full).abs().max() / full.abs().max())
    assert 1e-4 < error < 0.05
    assert low.dtype == torch.float32
    weights = network("bf16").state_dict()
    assert_close(weights, network("fp32").state_dict(), rtol=0, atol=0)


def test_inside_the_forward_pass_matrix_products_are_in_bfloat16():
    seen = set()
    model = network("bf16")
    layer = next(module for module in model.modules() if isinstance(module, torch.nn.Linear))
    layer.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    estimate(model)
    assert seen == {torch.bfloat16}
    assert not torch.is_autocast_enabled("cpu")


def test_full_precision_leaves_the_model_alone():
    model = Denoiser(small())
    assert with_precision(model, "fp32") is model
    assert "forward" not in model.__dict__


def test_a_copy_of_a_model_has_its_precision_and_its_own_weights():
    """The moving average is such a copy."""
    model = network("bf16")
    other = copy.deepcopy(model)
    assert_close(estimate(other), estimate(model), rtol=0, atol=0)
    torch.nn.init.zeros_(other.decoders["betas"][-1].weight)
    assert not torch.equal(estimate(other), estimate(model))


def test_densities_stay_in_full_precision_and_the_first_update_passes_its_audit():
    """x̂_0 of rollout and update are bit-identical, so every ratio is one; also with one group left out."""
    policy = network("bf16")
    config = rollout_config(6, 4, conditions=3, conditions_at_once=2)
    single = windows(3)
    single = type(single)(
        **{k: v.float() if v.is_floating_point() else v for k, v in single.__dict__.items()}
    )
    sampled = roll_out(policy, single, config, trainable_steps(config), torch.Generator().manual_seed(0))
    for step in sampled.steps:
        assert {x.dtype for x in (step.x_t, step.x_0, step.noise)} == {torch.float32}
    for kept in ([True, True, True], [False, True, True]):
        rollouts = sampled.groups(torch.tensor(kept))
        advantage = torch.randn(rollouts.x.shape[:2])
        training = Optimiser(copy.deepcopy(policy), OPTIMISER)
        stands = movement(training.model, network("bf16"), rollouts, SURROGATE)
        found = gradient_pass(training, network("bf16"), rollouts, advantage, SURROGATE, 0)
        assert found.audit.per_dim < 1e-6
        assert all(level.kl_per_dim < 1e-6 for level in stands.values())
        assert found.gradient_norm > 0
