"""A NaN or an infinity ends a training before it reaches the weights."""

import torch
from torch import Tensor

from motiongrpo.base.errors import Diverged

LOWER_RATE = "lower optimiser.learning_rate, or look for motion that is not finite"


def demand_finite(what: str, values: Tensor | float, remedy: str = LOWER_RATE) -> None:
    """Raise Diverged, with the first such value, where any is NaN or infinite.

    A comparison with NaN is False, so a limit alone would let it through.
    """
    values = torch.as_tensor(values).detach()
    if not bool(values.isfinite().all()):
        raise Diverged(f"{what} is {float(values[~values.isfinite()].flatten()[0])}; {remedy}")
