"""The pipelines by name. `__default__` is the whole chain; the others run only when named."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

CHAIN = ("ingestion", "pretraining", "reward_model", "grpo", "evaluation", "reporting")


def register_pipelines() -> dict[str, Pipeline]:
    """Every folder of `pipelines/`, and the chain."""
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum((pipelines[name] for name in CHAIN if name in pipelines), Pipeline([]))
    return pipelines
