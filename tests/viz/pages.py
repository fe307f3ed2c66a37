"""A small report."""

from typing import Literal

import pandas as pd

from motiongrpo.viz.figures.comparison import comparison_figure
from motiongrpo.viz.figures.curves import diversity_curves
from motiongrpo.viz.figures.error_figures import error_by_joint
from motiongrpo.viz.figures.reliability import reliability_figure
from motiongrpo.viz.report.findings import Finding, finding_of_prior
from motiongrpo.viz.report.metric_change import baseline_changes, metric_changes
from motiongrpo.viz.report.report import DataFacts, Figures, Results, RunFacts, report_html
from motiongrpo.viz.report.tables import (
    examination_table,
    files_with_reasons,
    refused_by_reason,
    verdicts_table,
)
from tests.viz.runs import (
    band_reliability,
    error_profile,
    examination,
    final,
    grpo_log,
    improved,
    ingestion_report,
)
from tests.viz.scenes import scene

HOSTILE = '<img src="http://example.org/x.png" onerror="alert(1)"></script><script>alert(2)</script>{{ 7*7 }}'
PNG = (  # one white pixel
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc\xf8\x0f\x00\x01\x01\x01\x00\x1b\xb6\xeeV\x00\x00\x00\x00IEND\xaeB`\x82"
)


def page(
    run: str = "default",
    file: str = "x",
    reason: str = "too short",
    sentence: str = "Fine.",
    table: pd.DataFrame | None = None,
    tone: Literal["good", "note", "warning"] = "warning",
    sources: tuple[str, ...] = ("studio",),
) -> str:
    report = ingestion_report(**{file: reason})
    table = improved() if table is None else table
    changes, baselines = metric_changes(final(table)), baseline_changes(table)
    hours = {
        "split": "train",
        "source": HOSTILE,
        "licence": "MIT",
        "sequences": 2,
        "subjects": 1,
        "seconds": 90.0,
    }
    stage = {"stage": "grpo", "steps": 10, "seed": 3, "code_version": "0.1", "weights": "ab", "body": "cd"}
    worst = {"sequence": HOSTILE, "activity": "walk", "start": 1.1, "before": 200.0, "after": 210.0}
    facts = (verdicts_table(report), refused_by_reason(report), files_with_reasons(report))
    return report_html(
        RunFacts(
            run,
            run,
            [stage | {"parameters": [{"name": "grpo.seed", "value": "3"}]}],
            [],
            {"torch": "2.13.0"},
        ),
        DataFacts([hours], *facts),
        Results(
            finding_of_prior(baselines),
            changes,
            baselines,
            dict.fromkeys(sources, changes),
            [*finding_of_prior(baselines), Finding(tone, sentence)],
            examination_table(examination()),
            [worst],
        ),
        Figures(
            {"diversity": diversity_curves(grpo_log())},
            {"error_by_joint": error_by_joint(error_profile())},
            {"reliability": reliability_figure(band_reliability())},
            comparison_figure(changes),
            [scene()] * 3,
            PNG,
        ),
    )
