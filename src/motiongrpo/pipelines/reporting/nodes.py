"""Reporting: figures, clips and pages from what is on disk. Nothing is trained or scored here."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from motiongrpo import __version__
from motiongrpo.app.parameters import ProjectParameters
from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.diffusion.candidates import Candidate, judged_run
from motiongrpo.metrics.table import final_checkpoints
from motiongrpo.motion.store import MotionStore
from motiongrpo.viz.clips.example import RANKS, windows_scored
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.figures.comparison import comparison_figure
from motiongrpo.viz.report import tables
from motiongrpo.viz.report.findings import (
    Finding,
    finding_of_prior,
    findings_of_bands,
    findings_of_run,
    findings_of_scores,
)
from motiongrpo.viz.report.metric_change import baseline_changes, changes_by_source, metric_changes
from motiongrpo.viz.report.report import DataFacts, Figures, Results, RunFacts, report_html

SOFTWARE = ("torch", "numpy", "kedro", "plotly", "matplotlib")
TRAINED = ("pretraining", "reward_model", "grpo")  # their checkpoints keep their parameters

Record = dict[str, Any]


def plot_comparison(comparison: pd.DataFrame) -> go.Figure:
    """The change of every metric from the last pretrained to the last post-trained checkpoint."""
    return comparison_figure(metric_changes(final_checkpoints(comparison)))


def describe_run(
    denoiser: Checkpoint,
    reward_model: Checkpoint,
    policy: Checkpoint,
    found: list[Record],
    parameters: Record,
) -> Record:
    """The trainings as their checkpoints record them, and the settings of the stages that record none."""
    judged = judged_run(Candidate(**record) for record in found)
    now = ProjectParameters.model_validate(parameters).model_dump(mode="json")
    stages = [tables.stage_row(checkpoint.header) for checkpoint in (denoiser, reward_model, policy)]
    others = {name: value for name, value in now.items() if name not in TRAINED}
    software = {"motiongrpo": __version__, "Python": platform.python_version()}
    software |= {name: version(name) for name in SOFTWARE}
    return asdict(
        RunFacts(now["run"], judged or now["run"], stages, tables.flat_parameters(others), software)
    )


def describe_data(motions: MotionStore, windows: pd.DataFrame, ingestion_report: pd.DataFrame) -> Record:
    """Hours by split and source, files by verdict, and every file that was refused or changed."""
    hours = tables.hours_table(motions.sequences, windows, motions.header.fps)
    return asdict(
        DataFacts(
            hours,
            tables.verdicts_table(ingestion_report),
            tables.refused_by_reason(ingestion_report),
            tables.files_with_reasons(ingestion_report),
        )
    )


def find_worst_windows(
    scores: dict[str, Record], motions: MotionStore, pretrained: Checkpoint, policy: Checkpoint
) -> list[tables.WindowRow]:
    """The held-out windows of largest MPJPE after post-training."""
    before, after = (windows_scored(scores, model.header.weights) for model in (pretrained, policy))
    return tables.worst_windows(before, after, motions.sequences, motions.header.fps)


def find_what_matters(
    comparison: pd.DataFrame,
    standings: list[Record],
    band_reliability: pd.DataFrame,
    pretraining_log: pd.DataFrame,
    reward_report: Record,
    grpo_log: pd.DataFrame,
    ingestion_report: pd.DataFrame,
) -> list[Record]:
    """The findings of a run: on its prior, the basis of its scores, its result and its certainty."""
    changes = metric_changes(final_checkpoints(comparison))
    findings = findings_of_run(changes, pretraining_log, reward_report, grpo_log, ingestion_report)
    first = finding_of_prior(baseline_changes(comparison)) + findings_of_scores(standings)
    return [asdict(finding) for finding in first + findings + findings_of_bands(band_reliability)]


def write_report(  # noqa: PLR0913
    run_facts: Record,
    data_facts: Record,
    findings: list[Record],
    worst_windows: list[tables.WindowRow],
    comparison: pd.DataFrame,
    comparison_by_source: pd.DataFrame,
    reward_report: Record,
    comparison_figure: go.Figure,
    scenes: dict[str, Record],
    motion_figure: bytes,
    error_by_joint: go.Figure,
    error_by_activity: go.Figure,
    error_over_time: go.Figure,
    reliability_figure: go.Figure,
    reliability_by_joint: go.Figure,
    learning_curves: go.Figure,
    reward_curves: go.Figure,
    diversity_curves: go.Figure,
) -> str:
    """The report as one HTML page."""
    baselines = baseline_changes(comparison)
    results = Results(
        finding_of_prior(baselines),
        metric_changes(final_checkpoints(comparison)),
        baselines,
        changes_by_source(comparison_by_source),
        [Finding(**finding) for finding in findings],
        tables.examination_table(reward_report),
        worst_windows,
    )
    bands = {"reliability": reliability_figure, "reliability_by_joint": reliability_by_joint}
    figures = Figures(
        curves={"learning": learning_curves, "rewards": reward_curves, "diversity": diversity_curves},
        errors={
            "error_by_joint": error_by_joint,
            "error_by_activity": error_by_activity,
            "error_over_time": error_over_time,
        },
        bands={name: figure for name, figure in bands.items() if figure.data},
        comparison=comparison_figure,
        scenes=[Scene.from_plain(scenes[rank]) for rank in RANKS],
        motion=motion_figure,
    )
    return report_html(RunFacts(**run_facts), DataFacts(**data_facts), results, figures)
