"""A stage of the work: the nodes of one pipeline as a group that kedro-viz folds and unfolds."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline


def stage(name: str, nodes: Iterable[Node], tags: str | None = None) -> Pipeline:
    """The nodes under the stage's name; datasets and parameters keep theirs, so that stages meet at them."""
    return Pipeline(nodes, namespace=name, tags=tags, prefix_datasets_with_namespace=False)
