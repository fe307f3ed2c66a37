"""Mixed precision through `torch.autocast`.

Only the network's forward pass runs in lower precision, and its output is float32 again: means, densities,
ratios and weights are always in full precision.
"""

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "bf16"]
Model = TypeVar("Model", bound=nn.Module)


def with_precision(model: Model, precision: Precision) -> Model:
    """The model itself, whose forward pass now runs in `precision`, as do those of its copies."""
    if precision == "bf16":
        model.forward = MethodType(_in_bf16(cast(MethodType, model.forward).__func__), model)
    return model


def _in_bf16(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same forward pass under autocast, on the device of the model's parameters; returns float32."""

    @wraps(forward)
    def lowered(self: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        device = next(self.parameters()).device.type
        with torch.autocast(device, dtype=torch.bfloat16):
            return forward(self, *args, **kwargs).float()

    return lowered
