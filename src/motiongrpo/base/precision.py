"""Mixed precision through `accelerate`, which is imported only where it is asked for.

Only the network's forward pass is ever lowered, and its output is float32 again: means, densities,
ratios and weights never leave full precision.
"""

from importlib.util import find_spec
from typing import Literal, TypeVar, cast

from torch import nn

from motiongrpo.base.errors import InputError

Precision = Literal["fp32", "bf16"]
Model = TypeVar("Model", bound=nn.Module)

NO_ACCELERATE = "precision bf16 needs the package accelerate: pip install 'motiongrpo[gpu]'"


def with_precision(model: Model, precision: Precision) -> Model:
    """The model itself, whose forward pass now runs in `precision`. Copies of it do so too."""
    if precision == "fp32":
        return model
    if find_spec("accelerate") is None:
        raise InputError(NO_ACCELERATE)
    from accelerate import Accelerator

    on_cpu = all(parameter.device.type == "cpu" for parameter in model.parameters())
    accelerator = Accelerator(mixed_precision=precision, cpu=on_cpu)
    # for evaluation: nothing but the forward pass is touched, so names of weights stay as they are
    return cast(Model, accelerator.prepare_model(model, device_placement=False, evaluation_mode=True))
