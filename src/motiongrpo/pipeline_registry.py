"""The pipelines by name. `__default__` is the whole chain; the others run only when named."""

from pkgutil import iter_modules

from kedro.framework import project
from kedro.pipeline import Pipeline

from motiongrpo import pipelines as folders

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


def pipeline_names() -> list[str]:
    """The names of `all_pipelines()`, for which nothing of them is loaded."""
    return ["__default__", *(module.name for module in iter_modules(folders.__path__) if module.ispkg)]
