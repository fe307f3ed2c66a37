"""Nodes, whose inputs are the names of their function's parameters, and stages, which kedro-viz folds."""

import inspect
from collections.abc import Callable, Iterable

from kedro.pipeline import Node, Pipeline

SHARED = {
    "body": "body_model",
    "denoiser": "pretrained_denoiser",
    "pretrained": "pretrained_denoiser",
    "window": "params:windows",
    "device": "params:device",
    "precision": "params:precision",
    "compiler": "params:compiler",
    "processes": "params:processes",
}
"""Inputs of node functions, in every stage, that differ from the names of their parameters."""


def node(function: Callable, outputs: str | list[str] | None, name: str | None = None, **inputs: str) -> Node:
    """A node named after its function; each parameter reads the dataset of the same name.

    `inputs` has the datasets and parameters with other names, like `SHARED` for all stages.
    """
    read = {given: (SHARED | inputs).get(given, given) for given in inspect.signature(function).parameters}
    return Node(function, read, outputs, name=name or getattr(function, "__name__", None))


def stage(name: str, nodes: Iterable[Node], tags: str | None = None) -> Pipeline:
    """The nodes under the stage's name; datasets and parameters keep their names, which connects stages."""
    return Pipeline(nodes, namespace=name, tags=tags, prefix_datasets_with_namespace=False)
