"""A training that meets a NaN or an infinity stops with one sentence and keeps its last state."""

import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.checkpoint import Checkpoint, Header, save_checkpoint
from motiongrpo.base.errors import Diverged, InputError
from motiongrpo.base.finite import demand_finite
from motiongrpo.base.optimisation import Optimiser
from tests.base.test_optimisation import loss, optimiser, weights


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_sentence_names_what_it_is_the_value_and_the_remedy(value):
    with pytest.raises(Diverged, match=f"^the loss is {value}; lower it$"):
        demand_finite("the loss", torch.tensor([1.0, value, 2.0]), "lower it")
    with pytest.raises(InputError, match=r"lower optimiser.learning_rate"):
        demand_finite("the loss", value)
    demand_finite("the loss", torch.tensor([[1.0, -1e30]]))
    demand_finite("no loss", torch.zeros(0, 3))


def state(opt: Optimiser) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in opt.state().items()}


def assert_untouched(opt: Optimiser, before: dict[str, torch.Tensor]) -> None:
    assert opt.state().keys() == before.keys()
    for name, value in before.items():
        assert_close(opt.state()[name], value, rtol=0, atol=0)


def test_a_loss_that_is_not_finite_takes_no_step():
    opt = optimiser()
    opt.step(loss(opt, 0))
    before = state(opt)
    with pytest.raises(Diverged, match=r"^the loss is nan; lower optimiser.learning_rate"):
        opt.step(loss(opt, 1) * math.nan)
    assert_untouched(opt, before)


class InfiniteSlope(torch.autograd.Function):
    """A finite loss with an infinite gradient, like a square root at zero."""

    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * math.inf


def test_a_gradient_that_is_not_finite_takes_no_step():
    opt = optimiser()
    opt.step(loss(opt, 0))
    before = state(opt)
    with pytest.raises(Diverged, match=r"^the gradient's norm is (nan|inf); lower"):
        opt.step(InfiniteSlope.apply(loss(opt, 1)))
    assert_untouched(opt, before)


def test_skipped_steps_are_counted_and_leave_everything_else():
    opt = optimiser()
    opt.step(loss(opt, 0))
    before, at = weights(opt), opt.steps
    opt.skip(3)
    assert opt.steps == at + 3
    assert_close(weights(opt), before, rtol=0, atol=0)


def checkpoint(weight: float) -> Checkpoint:
    header = Header(
        kind="denoiser",
        stage="pretraining",
        step=1,
        seed=0,
        architecture={},
        body_digest="body",
        parameters={},
        inputs={},
        code_version="0",
        metrics={},
    )
    return Checkpoint(header, {"layer.weight": torch.tensor([0.0, weight]), "steps": torch.tensor(1)})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_file_is_ever_replaced_by_weights_that_are_not_finite(value, tmp_path: Path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint(1.0), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"'layer.weight' is {value}"):
        save_checkpoint(checkpoint(value), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_poisoned_weight_shows_in_the_next_loss():
    opt = optimiser()
    with torch.no_grad():
        next(opt.model.parameters())[0, 0] = math.nan
    with pytest.raises(Diverged, match="the loss is nan"):
        opt.step(loss(opt, 0))
