"""Pipelines as groups of nodes that kedro-viz folds and unfolds."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline


def stage(name: str, nodes: Iterable[Node], tags: str | None = None) -> Pipeline:
    """The nodes in the namespace `name`; datasets and parameters keep their names, which pipelines share."""
    return Pipeline(nodes, namespace=name, tags=tags, prefix_datasets_with_namespace=False)
