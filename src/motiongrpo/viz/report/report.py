"""The report: settings, data, results and figures of a run on one page that opens offline."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.report.findings import Finding
from motiongrpo.viz.report.metric_change import MetricChange
from motiongrpo.viz.report.page import render
from motiongrpo.viz.report.player import SKELETON, player_scene
from motiongrpo.viz.report.tables import (
    FileRow,
    HoursRow,
    ReasonRow,
    Row,
    Setting,
    StageRow,
    VerdictRow,
    WindowRow,
)


@dataclass(frozen=True)
class RunFacts:
    """The run and its trainings, as their checkpoints record them, and the settings of everything else."""

    run: str  # the run whose held-out motion is used
    trained: str  # the run whose models are evaluated
    stages: list[StageRow]
    settings: list[Setting]  # present settings of the stages that keep no record
    versions: dict[str, str]  # of the software that made the report


@dataclass(frozen=True)
class DataFacts:
    """The motion: hours by split and source, and the verdict on every raw file."""

    hours: list[HoursRow]
    verdicts: list[VerdictRow]
    refused: list[ReasonRow]
    files: list[FileRow]


@dataclass(frozen=True)
class Results:
    """The results: changes of the metrics, sentences about them, the reward model's examination."""

    prior: list[Finding]  # whether it beats a constant pose; empty where that was not scored
    changes: list[MetricChange]
    baselines: dict[str, dict[str, MetricChange]]  # by name, against the pretrained model
    by_source: dict[str, list[MetricChange]]  # headline metrics alone
    findings: list[Finding]
    examination: list[Row]  # against, pair_accuracy by severity, spearman
    worst: list[WindowRow]


@dataclass(frozen=True)
class Figures:
    """The figures, the scenes that the player shows, and the median window as a strip."""

    curves: dict[str, go.Figure]  # by heading, in the order of the page
    errors: dict[str, go.Figure]  # by heading, in the order of the page
    bands: dict[str, go.Figure]  # by heading; empty where none were calibrated
    comparison: go.Figure
    scenes: list[Scene]
    motion: bytes  # PNG


def report_html(run: RunFacts, data: DataFacts, results: Results, figures: Figures) -> str:
    """The whole page as text."""
    return render(
        "report.html.j2",
        run=run,
        data=data,
        results=results,
        severities=severities(results.examination),
        figures=figures,
        scenes=[player_scene(scene) for scene in figures.scenes],
        skeleton=SKELETON,
        motion=base64.b64encode(figures.motion).decode("ascii"),
    )


def severities(examination: Sequence[Row]) -> list[float]:
    """Every severity in an examination, in increasing order."""
    return sorted({severity for row in examination for severity in row["pair_accuracy"]})
