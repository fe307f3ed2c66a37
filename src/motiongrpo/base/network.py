"""Networks that are built from one record of their architecture, and restored from their weights."""

from typing import Any, ClassVar, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import nn

from motiongrpo.base.checkpoint import Checkpoint, StateDict
from motiongrpo.base.errors import InputError

SHOWN = 3  # names in a message

Layout = dict[str, tuple[int, ...]]


class Network(nn.Module):
    """A network whose architecture is one record, so that a checkpoint's header can describe it."""

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config


AnyNetwork = TypeVar("AnyNetwork", bound=Network)


def restored(checkpoint: Checkpoint, network: type[AnyNetwork]) -> AnyNetwork:
    """The network of a checkpoint with its weights, in evaluation mode; InputError where they do not fit."""
    return with_weights(network, architecture_of(checkpoint, network), checkpoint.tensors, checkpoint.name)


def with_weights(network: type[AnyNetwork], config: BaseModel, tensors: StateDict, where: str) -> AnyNetwork:
    """A network of this architecture with these weights, in evaluation mode; `where` begins the error."""
    refuse_other_layout(layout_of(network, config), shapes_of(tensors), where)
    model = network(config)
    own = model.state_dict()
    other = {
        f"{n} {x.dtype} for {own[n].dtype}"
        for n, x in tensors.items()
        if x.is_floating_point() != own[n].is_floating_point()
    }
    refuse(other, f"{where} holds tensors of another type than its configuration asks for")
    model.load_state_dict(tensors)
    return model.eval()


def architecture_of(checkpoint: Checkpoint, network: type[Network]) -> Any:
    """The architecture that a header describes; InputError where this version of the code has no such."""
    try:
        return network.Config.model_validate(checkpoint.header.architecture)
    except ValidationError as error:
        faults = ", ".join(
            ".".join(map(str, fault["loc"])) or fault["msg"].removeprefix("Value error, ")
            for fault in error.errors()
        )
        raise InputError(
            f"{checkpoint.name} describes its network otherwise than this version of the code ({faults}); "
            "make it anew, with --params run=NAME"
        ) from error


def layout_of(network: type[Network], config: BaseModel) -> Layout:
    """Names and shapes of all tensors of a network of this architecture; nothing is allocated."""
    with torch.device("meta"):
        return shapes_of(network(config).state_dict())


def shapes_of(tensors: StateDict) -> Layout:
    """The shape of every tensor by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def refuse_other_layout(expected: Layout, given: Layout, where: str) -> None:
    """Raise InputError unless names and shapes are those of the architecture."""
    refuse(expected.keys() - given.keys(), f"{where} lacks tensors that its configuration asks for")
    refuse(given.keys() - expected.keys(), f"{where} holds tensors that its configuration does not ask for")
    other = {f"{n} {shape} for {expected[n]}" for n, shape in given.items() if shape != expected[n]}
    refuse(other, f"{where} holds tensors of another shape than its configuration asks for")


def refuse(names: set[str], sentence: str) -> None:
    """Raise InputError with this sentence and the first few names, if there are any names."""
    if names:
        shown = ", ".join(repr(name[:100]) for name in sorted(names)[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise InputError(f"{sentence}: {shown}{more}")
