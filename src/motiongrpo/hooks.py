"""Hooks around every run: what is checked before it, what keeps others out, what is printed after it."""

from pathlib import Path

import rich
import torch
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.console import Console

from motiongrpo.app.parameters import validated
from motiongrpo.app.requirements import missing
from motiongrpo.app.run_lock import RunLock
from motiongrpo.base.engine import Engine, choose
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
        choose(Engine(self.parameters.engine, self.parameters.ray_address))

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


class OneWriter:
    """Holds the lock of a run from the first node to the last one that writes.

    An open viewer, which only shows, keeps nobody from evaluating or training.
    """

    lock: RunLock | None = None
    writers: frozenset[str] = frozenset()  # the nodes that are still to write

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note which run is meant, and where it lies."""
        self.data = context.project_path / Path(context.params["data"]).expanduser()
        self.run = context.params["run"]

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Take the locks of the stages that will write, or refuse where another command writes one."""
        self._release()
        self.writers = frozenset(node.name for node in pipeline.nodes if node.outputs)
        if self.writers:
            stages = {node.namespace or node.name for node in pipeline.nodes if node.outputs}
            lock = RunLock(self.data, self.run, stages)
            lock.acquire()
            self.lock = lock

    @hook_impl
    def before_node_run(self) -> None:
        """Give the lock back where all that remains is to show."""
        if not self.writers:
            self._release()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count the nodes that are still to write; what this one made is saved before the next begins."""
        self.writers -= {node.name}

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Give the lock back."""
        self._release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Give the lock back."""
        self._release()

    def _release(self) -> None:
        if self.lock is not None:
            self.lock.release()
            self.lock = None


class RunSummary:
    """Prints the results of a finished run."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the comparison, the ablation's verdict and the report's path, each where the run made it."""
        made = pipeline.all_outputs()
        console = Console(width=max(rich.get_console().width, WIDTH))
        if "comparison" in made:
            _print_comparison(catalog, console)
        if "ablation_verdict" in made:
            for finding in catalog.load("ablation_verdict"):
                console.print(f"· {finding['text']}", markup=False)
        if "recovered_bodies" in made:
            folder = catalog.get("recovered_bodies").path  # type: ignore[union-attr]
            for name in catalog.load("recovery_inputs")["read"]:
                console.print(f"Recovered: {folder / name / 'report.html'}", soft_wrap=True, markup=False)
        if "report" in made:
            console.print(f"Report: {_path(catalog, 'report')}", soft_wrap=True, markup=False)


def _print_comparison(catalog: DataCatalog, console: Console) -> None:
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
        console.print(f"Runs compared: {_path(catalog, 'runs_page')}", soft_wrap=True, markup=False)


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
