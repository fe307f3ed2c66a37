"""Files between nodes, edited by hand: used, or refused by name."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline.node import Node

from motiongrpo.app.refusals import sentence_of
from tests.damage import assert_one_sentence, edited
from tests.pipelines.kedro_project import ROOT

KEPT = (
    *("band_reliability", "ingestion_report", "comparison", "comparison_by_source", "runs_comparison"),
    *("error_profile", "score_standings", "checkpoints_found", "findings", "run_facts", "data_facts"),
    *(
        "worst_windows",
        "reward_report",
        "grpo_log",
        "pretraining_log",
        "reward_log",
        "diversity_log",
        "scenes",
    ),
)
NOTHING_LEFT = {
    "the comparison has no pretraining checkpoint",
    "the comparison has no grpo checkpoint",
    "no checkpoint has a score yet",
}
"""What is said where all rows of a list or table were deleted, which is no damage."""

COUNT = 6  # edits per file
QUICK = {
    *("find_what_matters", "plot_reliability", "plot_reliability_by_joint", "describe_data", "describe_run"),
    *(
        "plot_comparison",
        "plot_rewards",
        "plot_learning",
        "plot_diversity",
        "write_report",
        "write_runs_page",
    ),
    *("plot_error_by_joint", "plot_error_by_activity", "plot_error_over_time", "compare_runs"),
}
"""Nodes that read these files and neither draw samples nor pictures."""


class Run:
    """The catalog of a finished run, its quick nodes, and their inputs from intact files."""

    def __init__(self, catalog: DataCatalog) -> None:
        named = {node.name: node for pipeline in pipelines.values() for node in pipeline.nodes}
        self.catalog, self.whole = catalog, {}
        self.nodes = [node for name, node in named.items() if name.split(".")[-1] in QUICK]

    def path(self, name: str) -> Path:
        return self.catalog.get(name).filepath  # type: ignore[union-attr]

    def use(self, name: str) -> None:
        """Load a file, and run every quick node that reads it."""
        value = self.catalog.load(name)
        for node in self.nodes:
            if name in node.inputs:
                node.run({other: value if other == name else self._whole(other) for other in node.inputs})

    def readers(self, name: str) -> list[Node]:
        return [node for node in self.nodes if name in node.inputs]

    def _whole(self, name: str) -> Any:
        if name not in self.whole:
            self.whole[name] = self.catalog.load(name)
        return self.whole[name]


@pytest.fixture(scope="module")
def finished(smoke_run, tmp_path_factory):
    data = shutil.copytree(smoke_run[0], tmp_path_factory.mktemp("edited") / "data")
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="smoke", runtime_params={"data": str(data), "threads": 1}) as session:
        run = Run(session.load_context().catalog)
        logging.disable(logging.ERROR)
        yield run
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", KEPT)
def test_a_file_that_was_edited_is_used_or_refused_by_its_name_in_one_sentence(name, finished):
    path = finished.path(name)
    content, faults = path.read_bytes(), []
    assert finished.readers(name)
    finished.use(name)
    for number in range(COUNT):
        path.write_bytes(edited(content, path.suffix, np.random.default_rng([number, KEPT.index(name)])))
        try:
            finished.use(name)
        except Exception as error:  # any error must give one sentence
            faults.append((error, sentence_of(error)))
        finally:
            path.write_bytes(content)
    assert faults
    for error, sentence in faults:
        assert sentence is not None, repr(error)
        assert_one_sentence(sentence.replace(str(path), ""))
        assert str(path) in sentence or NOTHING_LEFT & {sentence.partition(";")[0]}
