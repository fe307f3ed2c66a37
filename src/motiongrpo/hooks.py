"""Around every run: parameters are checked as a whole, missing artefacts named, results shown."""

import importlib
import logging
import pkgutil
from pathlib import Path

import rich
import torch
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from rich.console import Console

import motiongrpo.pipelines
from motiongrpo.app.parameters import validated
from motiongrpo.app.requirements import missing
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.candidates import TRAININGS
from motiongrpo.pipeline_registry import CHAIN
from motiongrpo.viz.report.runs import contenders_of
from motiongrpo.viz.report.terminal import WIDTH, runs_table, summary_table

logger = logging.getLogger(__name__)


class CommandChecks:
    """Refuses a run that cannot do what was asked, before its first node."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate all parameters, also those of stages that do not run now."""
        self.parameters = validated(context.config_loader["parameters"])
        if self.parameters.threads:
            torch.set_num_threads(self.parameters.threads)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Say what is missing, a sentence each: files and devices, then artefacts that a pipeline makes."""
        sentences = missing(self.parameters, pipeline.inputs())
        artefacts = [name for name in sorted(pipeline.inputs()) if not _is_there(name, catalog)]
        if artefacts:
            makers = sorted({maker_of(name) for name in artefacts}, key=all_pipelines().index)
            names = " and ".join(f"'{name}'" for name in artefacts)
            sentences.append(
                f"{names} {'does' if len(artefacts) == 1 else 'do'} not exist yet; make what is missing "
                f"first: kedro run --pipelines {','.join(makers)}"
            )
        if sentences:
            raise InputError("\n".join(sentences))


class RunSummary:
    """Ends a run with what it found."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the comparison or the verdict and say where the report is, where the run made them."""
        made = pipeline.all_outputs()
        console = Console(width=max(rich.get_console().width, WIDTH))
        if "comparison" in made:
            if set((comparison := catalog.load("comparison"))["stage"]) & set(TRAININGS):
                console.print(summary_table(comparison))
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


def all_pipelines() -> list[str]:
    """The chain in its order, then the pipelines that run only when named."""
    folders = [module.name for module in pkgutil.iter_modules(motiongrpo.pipelines.__path__) if module.ispkg]
    return [*CHAIN, *(name for name in folders if name not in CHAIN)]


def maker_of(dataset: str) -> str:
    """The pipeline whose output a dataset is."""
    for name in all_pipelines():
        module = importlib.import_module(f"motiongrpo.pipelines.{name}")
        if dataset in module.create_pipeline().all_outputs():
            return name
    raise InputError(f"no pipeline makes '{dataset}'")
