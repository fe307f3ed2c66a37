"""The one exception a user should ever meet, the kind of it that ends a training, and what raises that."""

import torch
from torch import Tensor

LOWER_RATE = "lower optimiser.learning_rate, or look for motion that is not finite"


class InputError(ValueError):
    """What was given cannot be used. The message is one sentence: what, where, the value, the remedy."""


class Diverged(InputError):
    """A training cannot go on from here. Whoever keeps its checkpoints adds the step, and what stays."""


def demand_finite(what: str, values: Tensor | float, remedy: str = LOWER_RATE) -> None:
    """Raise Diverged, with the first such value, where any is NaN or infinite.

    A comparison with NaN is False, so a limit alone would let it through.
    """
    values = torch.as_tensor(values).detach()
    if not bool(values.isfinite().all()):
        raise Diverged(f"{what} is {float(values[~values.isfinite()].flatten()[0])}; {remedy}")
