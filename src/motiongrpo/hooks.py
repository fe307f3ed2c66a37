"""Hooks around every run: parameters and inputs are checked before it, and its results printed after it."""

from pathlib import Path

import rich
import torch
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from rich.console import Console

from motiongrpo.app.parameters import validated
from motiongrpo.app.requirements import missing
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.candidates import TRAININGS
from motiongrpo.pipeline_registry import all_pipelines
from motiongrpo.viz.report.runs import contenders_of
from motiongrpo.viz.report.terminal import (
    WIDTH,
    baselines_table,
    guided_table,
    runs_table,
    sources_table,
    summary_table,
)


class CommandChecks:
    """Refuses a run that cannot do what was asked before its first node starts."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate all parameters, also those of stages that do not run now."""
        self.parameters = validated(context.config_loader["parameters"])
        if self.parameters.threads:
            torch.set_num_threads(self.parameters.threads)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Refuse with a sentence for each missing file or device, and one for artefacts still to be made."""
        sentences = missing(self.parameters, pipeline.inputs())
        artefacts = [name for name in sorted(pipeline.inputs()) if not _is_there(name, catalog)]
        if artefacts:
            names = " and ".join(f"'{name}'" for name in artefacts)
            sentences.append(
                f"{names} {'does' if len(artefacts) == 1 else 'do'} not exist yet; make what is missing "
                f"first: kedro run --pipelines {','.join(makers_of(artefacts))}"
            )
        if sentences:
            raise InputError("\n".join(sentences))


class RunSummary:
    """Prints the results of a finished run."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the comparison, the ablation's verdict and the report's path, each where the run made it."""
        made = pipeline.all_outputs()
        console = Console(width=max(rich.get_console().width, WIDTH))
        if "comparison" in made:
            if set((comparison := catalog.load("comparison"))["stage"]) & set(TRAININGS):
                console.print(summary_table(comparison))
                by_source = catalog.load("comparison_by_source")
                if by_source["source"].nunique() > 1:
                    console.print(sources_table(by_source))
                for table in (guided_table(comparison), baselines_table(comparison)):
                    if table is not None:
                        console.print(table)
            contenders = contenders_of(catalog.load("runs_comparison"))
            if any(contender.from_elsewhere for contender in contenders):
                console.print(runs_table(contenders))
                console.print(f"Runs compared: {_path(catalog, 'runs_page')}", soft_wrap=True)
        if "ablation_verdict" in made:
            for finding in catalog.load("ablation_verdict"):
                console.print(f"· {finding['text']}", markup=False)
        if "report" in made:
            console.print(f"Report: {_path(catalog, 'report')}", soft_wrap=True)


def _path(catalog: DataCatalog, name: str) -> Path:
    return catalog.get(name).filepath  # type: ignore[union-attr]


def _is_there(name: str, catalog: DataCatalog) -> bool:
    if name == "parameters" or name.startswith("params:"):
        return True
    return getattr(catalog.get(name), "may_be_absent", False) or catalog.exists(name)


def makers_of(datasets: list[str]) -> list[str]:
    """The pipelines whose nodes save these datasets, in the order in which they run.

    A node bears its pipeline's namespace, also where another pipeline takes it along.
    """
    pipelines = all_pipelines()
    nodes = (node for pipeline in pipelines.values() for node in pipeline.nodes)
    makers = {node.namespace for node in nodes if set(node.outputs) & set(datasets)}
    return [name for name in pipelines if name in makers]
