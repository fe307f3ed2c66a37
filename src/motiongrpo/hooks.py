"""Hooks around every run: what is checked before it, what keeps others out, what is printed after it.

Every command of Kedro loads this module, and most never run a pipeline: what takes a second to load, with
torch or pandas below it, is imported where a run needs it.
"""

import logging
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from motiongrpo.app.run_lock import RunLock
from motiongrpo.base.errors import InputError
from motiongrpo.pipeline_registry import all_pipelines

logger = logging.getLogger(__name__)


class JudgedModels:
    """Lets a command that trains nothing judge the models of another run, where its own has motion alone."""

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any], parameters: dict[str, Any]) -> None:
        """Note which runs are named, and how the catalog describes the files of trainings."""
        from motiongrpo.app.judged_models import OF_TRAININGS

        self.run, self.runs = (parameters["parameters"][name] for name in ("run", "runs"))
        self.files = {name: conf_catalog[name] for name in OF_TRAININGS}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Put the files of the first run that has trainings into the catalog; refuse where it lacks some."""
        from motiongrpo.app.judged_models import TRAINING_STAGES, of_another_run, trained_run

        if any(node.namespace in TRAINING_STAGES for node in pipeline.nodes):
            return
        trained = trained_run(_path(catalog, "policy").parents[1], self.run, self.runs)
        if trained is None or trained == self.run:
            return
        logger.info(
            "run '%s' has no trainings: the models of '%s' are judged on its motion", self.run, trained
        )
        for name, entry in self.files.items():
            file = of_another_run(Path(entry["filepath"]), trained)
            catalog[name] = AbstractDataset.from_config(name, entry | {"filepath": str(file)})
        absent = [name for name in sorted(pipeline.inputs() & {*self.files}) if not _is_there(name, catalog)]
        if absent:
            raise InputError(
                f"run '{self.run}' has no trainings, and '{trained}', the first of runs that has any, lacks "
                f"{_names(absent)}; make what is missing first: "
                f"kedro run --pipelines {','.join(makers_of(absent))} --params run={trained}"
            )


class CommandChecks:
    """Refuses a run that cannot do what was asked before its first node starts."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate all parameters, also those of stages that do not run now."""
        import torch

        from motiongrpo.app.parameters import validated
        from motiongrpo.base.engine import Engine, choose

        self.parameters = validated(context.config_loader["parameters"])
        if self.parameters.threads:
            torch.set_num_threads(self.parameters.threads)
        choose(Engine(self.parameters.engine, self.parameters.ray_address))

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Refuse with a sentence for each missing file or device, and one for artefacts still to be made."""
        from motiongrpo.app.requirements import missing

        sentences = missing(self.parameters, pipeline.inputs())
        artefacts = [name for name in sorted(pipeline.inputs()) if not _is_there(name, catalog)]
        if artefacts:
            sentences.append(
                f"{_names(artefacts)} {'does' if len(artefacts) == 1 else 'do'} not exist yet; make what is "
                f"missing first: kedro run --pipelines {','.join(makers_of(artefacts))}"
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
        from motiongrpo.app.summary import print_results

        print_results(pipeline.all_outputs(), catalog)


def _path(catalog: DataCatalog, name: str) -> Path:
    return catalog.get(name).filepath  # type: ignore[union-attr]


def _names(datasets: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in datasets)


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
