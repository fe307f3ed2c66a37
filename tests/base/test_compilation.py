"""Compiled networks: what they compute is what they compute uncompiled."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from motiongrpo.base.compilation import refuse_without_compiler, with_compiler
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import Network
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.precision import with_precision
from motiongrpo.base.row_parallel import Team, by_rows, joined

OPTIMISER = OptimiserConfig(
    learning_rate=1e-2, weight_decay=0.1, warmup_steps=0, gradient_clip=1.0, ema_decay=0.5
)


class Rows(Network):
    """Two layers and a shift, row by row; Python runs through it only while it is not compiled."""

    runs = 0

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(None)
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2))

    @by_rows
    def forward(self, x: Tensor, shift: Tensor | None) -> Tensor:
        Rows.runs += not torch.compiler.is_compiling()
        return self.layers(x if shift is None else x + shift)


def rows(count: int) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(count), dtype=torch.float64)


def compiled() -> Rows:
    return with_compiler(Rows().double(), "aot_eager")


def trained(network: Rows, steps: int, state: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The state after steps on batches of several sizes, from the beginning or from a state."""
    optimiser = Optimiser(network, OPTIMISER)
    if state is not None:
        optimiser.restore(state)
    for step in range(optimiser.steps, steps):
        optimiser.step(optimiser.model(rows(4 + step), rows(1) if step % 2 else None).square().mean())
    return optimiser.state()


def test_a_compiled_training_is_a_plain_one_and_either_goes_on_from_the_other():
    whole = trained(Rows().double(), 4)
    assert_close(trained(compiled(), 4), whole, rtol=0, atol=1e-12)
    assert_close(trained(compiled(), 4, trained(Rows().double(), 2)), whole, rtol=0, atol=1e-12)
    assert_close(trained(Rows().double(), 4, trained(compiled(), 2)), whole, rtol=0, atol=1e-12)


def test_a_compiled_network_and_its_copies_run_no_python():
    network = compiled()
    network(rows(4), None)
    Rows.runs = 0
    for model in (network, copy.deepcopy(network)):
        model(rows(4), None)
    assert Rows.runs == 0
    Rows().double()(rows(4), None)
    assert Rows.runs == 1


def test_a_copy_of_a_compiled_network_has_its_own_weights():
    """The moving average is such a copy."""
    network = compiled()
    other = copy.deepcopy(network)
    nn.init.zeros_(other.layers[-1].weight)
    assert_close(network(rows(4), None), Rows().double()(rows(4), None), rtol=0, atol=1e-12)
    assert not torch.equal(other(rows(4), None), network(rows(4), None))


def test_no_compiler_leaves_the_network_alone():
    network = Rows()
    assert with_compiler(network, None) is network
    assert "forward" not in network.__dict__


@pytest.mark.parametrize("rank", [0, 1])
def test_compiled_rows_are_divided_among_processes(rank, monkeypatch):
    """Nothing is added up here, so that a process is left with its own rows, and what they say of weights."""
    monkeypatch.setattr(Team, "add_up", lambda self, values: values)
    network, alone, team = compiled(), Rows().double(), Team(rank, 2)
    with joined(team):
        found = network(rows(5), None)
        found.square().sum().backward()
    own = alone(rows(5)[team.share(5)], None)
    own.square().sum().backward()
    assert_close(found[team.share(5)], own, rtol=0, atol=1e-12)
    assert_close(network.layers[0].weight.grad, alone.layers[0].weight.grad, rtol=0, atol=1e-12)


def test_a_compiled_network_can_be_of_lower_precision_too():
    network = with_precision(with_compiler(Rows(), "aot_eager"), "bf16")
    plain = with_precision(Rows(), "bf16")
    x = rows(4).float()
    assert_close(network(x, None), plain(x, None), rtol=0, atol=1e-6)
    assert not torch.equal(plain(x, None), Rows()(x, None))


def test_where_nothing_can_be_compiled_a_sentence_says_what_is_missing(monkeypatch):
    def missing(*args, **kwargs):
        raise RuntimeError("no C++ compiler found\nand a page about it")

    monkeypatch.setattr(torch, "compile", missing)
    refuse_without_compiler.cache_clear()
    sentence = r"compiler=inductor cannot be had on device cpu \(no C\+\+ compiler found\); install what is"
    with pytest.raises(InputError, match=sentence):
        with_compiler(Rows(), "inductor")
