"""Networks divided by rows among processes: each computes some rows of a batch, and all get the whole.

A training on several processes runs the same program on each of them, with the same numbers: batches, noise,
losses, group statistics and optimisers are whole everywhere. Only work on independent rows is divided. A
network's pass over a batch X with rows X_r of process r is

    f(X) = Σ_r [0, …, f(X_r), …, 0],        ∂L/∂θ = Σ_r (∂f(X_r)/∂θ)ᵀ ∂L/∂f(X_r),

two sums over processes, one forward and one backward; the first adds only zeros and is exact. So a loss need
not be a sum over rows: contrastive losses, and advantages within a group, equal those of a single process,
whether or not the number of rows is divisible by the number of processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call

from motiongrpo.base.batched import Batched
from motiongrpo.base.errors import InputError

Values = TypeVar("Values", bound=Batched)


class LostProcess(InputError):
    """Another process of a training has ended, so this one cannot go on."""

    def __init__(self, what: str = "another process of this training has ended") -> None:
        super().__init__(f"{what}; run the same command to go on from the last checkpoint")


@dataclass(frozen=True)
class Team:
    """The processes that train together, as one of them sees them."""

    rank: int
    size: int
    group: dist.ProcessGroup | None = None  # None is the default group

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes, shows progress and handles signals."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """The consecutive rows of this process; the numbers of rows differ by at most one."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def divides(self, rows: int) -> bool:
        """Whether every process gets a row; otherwise every process computes all rows."""
        return 1 < self.size <= rows

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over all processes, written in place of this one's part; bit-identical on each."""
        try:
            dist.all_reduce(values, group=self.group)
        except RuntimeError as error:
            raise LostProcess from error
        return values

    def given_by(self, rank: int, values: Values) -> Values:
        """The values of one process, sent to all; those passed by the others give shapes and types."""
        return values.each(lambda tensor: self._broadcast(rank, tensor))

    def _broadcast(self, rank: int, tensor: Tensor) -> Tensor:
        layout = torch.contiguous_format
        given = tensor.contiguous() if rank == self.rank else torch.empty_like(tensor, memory_format=layout)
        try:  # as bytes, since not every backend can send every type
            dist.broadcast(given.view(torch.uint8), src=rank, group=self.group)
        except RuntimeError as error:
            raise LostProcess from error
        return given

    def any(self, here: bool) -> bool:
        """Whether something holds on any of the processes."""
        count = torch.tensor(int(here))
        try:  # through the group in which all have met, which sums on the CPU
            dist.all_reduce(count)
        except RuntimeError as error:
            raise LostProcess from error
        return bool(count)

    def whole(self, part: Tensor, rows: int) -> Tensor:
        """All rows, of which `part` is this process's share."""
        values = part.new_zeros(rows, *part.shape[1:])
        values[self.share(rows)] = part
        return self.add_up(values)


ALONE = Team(rank=0, size=1)
_present = ALONE  # not a context variable, since backward passes run on other threads


def team() -> Team:
    """The processes that train together now; outside such a training, this one alone."""
    return _present


@contextmanager
def joined(processes: Team) -> Iterator[None]:
    """Train as this team until the end of the block."""
    global _present
    before, _present = _present, processes
    try:
        yield
    finally:
        _present = before


def by_rows(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A network's forward pass, divided by the rows of its inputs: positional, and of equal length."""

    @wraps(forward)
    def divided(network: nn.Module, *inputs: Tensor | None) -> Tensor:
        assert inputs[0] is not None
        together, rows = team(), len(inputs[0])
        if not together.divides(rows):
            return forward(network, *inputs)
        given = {i: x for i, x in enumerate(inputs) if x is not None}
        weights = {f"network.{name}": p for name, p in network.named_parameters()}
        seen = _with_summed_gradients(given | weights)
        own = [x if x is None else seen[i][together.share(rows)] for i, x in enumerate(inputs)]
        weights = {name: seen[name] for name in weights}
        return _Whole.apply(functional_call(_Undivided(network, forward), weights, tuple(own)), rows)

    return divided


def in_shares(
    measure: Callable[..., dict[str, Tensor]], first: Tensor, *others: Tensor | Batched
) -> dict[str, Tensor]:
    """Measurements of rows, without gradient, divided like a network's pass."""
    together = team()
    if not together.divides(len(first)):
        return measure(first, *others)
    share = together.share(len(first))
    with joined(ALONE):  # networks called inside do not divide this share again
        parts = measure(first[share], *(x[share] if isinstance(x, Tensor) else x.rows(share) for x in others))
    return {name: together.whole(part, len(first)) for name, part in parts.items()}


class _Undivided(nn.Module):
    """A network with its own, undivided forward pass."""

    def __init__(self, network: nn.Module, forward: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network, self.pass_of = network, forward

    def forward(self, *inputs: Tensor | None) -> Tensor:
        return self.pass_of(self.network, *inputs)


def _with_summed_gradients(tensors: dict[Any, Tensor]) -> dict[Any, Tensor]:
    """The same tensors, whose gradients will be summed over processes."""
    learning = {name: x for name, x in tensors.items() if x.requires_grad}
    if not learning or not torch.is_grad_enabled():
        return tensors
    return tensors | dict(zip(learning, _Summed.apply(*learning.values()), strict=True))


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)  # a parameter that the pass does not use keeps no gradient
        return tuple(x.view_as(x) for x in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        found = [g for g in gradients if g is not None]
        flat = team().add_up(torch.cat([g.flatten() for g in found]))
        sums = iter(flat.split([g.numel() for g in found]))
        return tuple(None if g is None else next(sums).view_as(g).to(g) for g in gradients)


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, rows: int) -> Tensor:
        ctx.share = team().share(rows)
        return team().whole(part, rows)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None]:
        return cotangents[0][ctx.share], None
