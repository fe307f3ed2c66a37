"""The pipelines by name. `__default__` is the whole chain; the others run only when named."""

from kedro.framework import project
from kedro.pipeline import Pipeline

CHAIN = ("ingestion", "pretraining", "reward_model", "grpo", "evaluation", "reporting")


def register_pipelines() -> dict[str, Pipeline]:
    """The whole chain, its stages in their order, then the other folders of `pipelines/`."""
    found = project.find_pipelines(raise_errors=True)
    names = [*CHAIN, *sorted(found.keys() - {*CHAIN, "__default__"})]
    pipelines = {name: found[name] for name in names if name in found}
    chain = sum((pipelines[name] for name in CHAIN if name in pipelines), Pipeline([]))
    return {"__default__": chain} | pipelines


def all_pipelines() -> dict[str, Pipeline]:
    """Every registered pipeline, also those that Kedro has not loaded for the command at hand."""
    project.pipelines.set_requested(None)
    return dict(project.pipelines)
