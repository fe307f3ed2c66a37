"""Compiled networks through `torch.compile`.

What is compiled is the pass of a network over the rows that one process takes, and its gradient; weights and
their names stay those of a network that is not, and so do checkpoints.
"""

from functools import cache
from inspect import unwrap
from types import MethodType
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from motiongrpo.base.errors import InputError
from motiongrpo.base.row_parallel import by_rows

Compiler = Literal["inductor", "aot_eager"]
"""A backend of `torch.compile`; `aot_eager` traces alike and generates no code."""

OPTIONS: dict[str, Any] = {"emulate_precision_casts": True}
"""bfloat16 is rounded after each operation, as without compilation, so that rollouts and updates agree."""

VARIANTS = 32
"""Most kinds of passes that are compiled. GRPO has some ten, by gradient, mask and rows; torch stops at 8."""

Model = TypeVar("Model", bound=nn.Module)


def with_compiler(model: Model, compiler: Compiler | None) -> Model:
    """The model itself with its forward pass (inside `by_rows`) compiled, which its copies share.

    Each shape of inputs is compiled when it first comes, with and without gradient. Raises InputError where
    the compiler cannot be had on the model's device.
    """
    if compiler is not None:
        refuse_without_compiler(compiler, next(model.parameters()).device.type)
        _allow_many_passes()
        options = OPTIONS if compiler == "inductor" else None
        compiled = torch.compile(unwrap(type(model).forward), backend=compiler, options=options)
        model.forward = MethodType(by_rows(compiled), model)
    return model


def _allow_many_passes() -> None:
    """Set, for the whole process, the number of kinds, and that gradients of a pass are taken repeatedly."""
    from torch._dynamo import config as tracing
    from torch._functorch import config as gradients

    tracing.recompile_limit = VARIANTS
    gradients.donated_buffer = False  # diagnostics take gradients of several objectives from one pass


@cache
def refuse_without_compiler(compiler: Compiler, device: str) -> None:
    """Raise InputError where a function of one operation cannot be compiled for a kind of device."""
    try:
        torch.compile(torch.neg, backend=compiler)(torch.ones(2, device=device))
    except RuntimeError as error:
        raise InputError(
            f"compiler={compiler} cannot be had on device {device} ({str(error).splitlines()[0]}); install "
            "what is missing (g++, and triton for a GPU) or pass compiler=null"
        ) from error
