"""The output of a finished run: its comparison, the verdict of an ablation, and the paths of its pages."""

from collections.abc import Set
from pathlib import Path

import rich
from kedro.io import DataCatalog
from rich.console import Console

from motiongrpo.diffusion.candidates import TRAININGS, Candidate, judged_run
from motiongrpo.viz.report.runs import contenders_of
from motiongrpo.viz.report.terminal import (
    WIDTH,
    baselines_table,
    guided_table,
    runs_table,
    sources_table,
    summary_table,
)


def print_results(made: Set[str], catalog: DataCatalog) -> None:
    """Print a summary of each dataset that the run has made and that has one."""
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
    run = catalog.load("params:run")
    judged = judged_run(Candidate(**record) for record in catalog.load("checkpoints_found"))
    if judged not in (None, run):
        console.print(f"Models of run {judged}, judged on the motion of run {run}:", markup=False)
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
