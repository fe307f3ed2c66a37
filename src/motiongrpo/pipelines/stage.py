"""Nodes and stages: a node reads what its function's parameters are called; kedro-viz folds a stage."""

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
"""What parameters of node functions read in every stage, where it is not the dataset of their own name."""


def node(function: Callable, outputs: str | list[str] | None, name: str | None = None, **inputs: str) -> Node:
    """A node under the function's name; each of its parameters reads the dataset of that name.

    `inputs` names the datasets and parameters that are called otherwise, as `SHARED` does for all stages.
    """
    read = {given: (SHARED | inputs).get(given, given) for given in inspect.signature(function).parameters}
    return Node(function, read, outputs, name=name or getattr(function, "__name__", None))


def stage(name: str, nodes: Iterable[Node], tags: str | None = None) -> Pipeline:
    """The nodes under the stage's name; datasets and parameters keep theirs, so that stages meet at them."""
    return Pipeline(nodes, namespace=name, tags=tags, prefix_datasets_with_namespace=False)
