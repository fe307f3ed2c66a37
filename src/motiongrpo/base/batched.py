"""Records of tensors with common leading axes: select rows, move to a device, concatenate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batched:
    """A dataclass whose tensors, its own and those of `Batched` fields, have their leading axes in common.

    All other fields belong to the batch as a whole and are kept.
    """

    def rows(self, index: Tensor | slice | tuple[slice, ...]) -> Self:
        """The entries that an index, a mask or slices of the leading axes select; an index may repeat."""
        return self.each(lambda tensor: tensor[index])

    def to(self, device: torch.device | str) -> Self:
        """The batch on another device."""
        return self.each(lambda tensor: tensor.to(device))

    def each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The batch with every tensor changed."""
        return self._combined([self], lambda tensors: change(tensors[0]))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Several batches, one after the other along the first axis."""
        return parts[0]._combined(parts, torch.cat)

    def _combined(self, parts: Sequence[Self], combine: Callable[[list[Tensor]], Tensor]) -> Self:
        combined = {}
        for name in (field.name for field in fields(self)):
            values = [getattr(part, name) for part in parts]
            if isinstance(values[0], Tensor):
                combined[name] = combine(values)
            elif isinstance(values[0], Batched):
                combined[name] = values[0]._combined(values, combine)
        return replace(self, **combined)
