"""Comparisons as tables on a terminal, printed at the end of a run."""

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

from motiongrpo.base.words import counted
from motiongrpo.metrics.baselines import BASELINES
from motiongrpo.metrics.guided import GUIDED
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.table import final_checkpoints
from motiongrpo.viz.report.metric_change import (
    HEADLINE,
    Interval,
    MetricChange,
    Outcome,
    changes_beside,
    metric_changes,
)
from motiongrpo.viz.report.runs import Contender

WIDTH = 104  # columns of a log, enough for the table
ARROWS = {"lower": "↓", "higher": "↑", "none": ""}
BESIDE = (*HEADLINE, "amplitude_ratio")  # of baselines: only its amplitude reveals a statue
COLOURS: dict[Outcome, str] = {"better": "green", "worse": "red", "undecided": "default", "not judged": "dim"}


def summary_table(comparison: pd.DataFrame) -> Table:
    """One row per metric: both means with intervals, and the paired difference with its interval."""
    final = final_checkpoints(comparison)
    ground = f"{', '.join(_counts(final))}; 95 % intervals over {final['resampled'].iloc[0]}"
    table = _change_table("Pretrained and post-trained on held-out subjects", ground)
    textbook_only = True
    for metric, cells in _rows(final):
        if textbook_only and METRICS[metric].in_print:
            textbook_only = False
            table.add_section()
            table.add_row("[italic]for comparison with print[/italic]")
        table.add_row(_name(metric), *cells)
    return table


def sources_table(by_source: pd.DataFrame) -> Table:
    """The headline metrics as in `summary_table`, for each source of motion alone."""
    resampled = " or ".join(by_source["resampled"].unique())
    table = _change_table("By source of motion", f"95 % intervals over {resampled}")
    for source, rows in by_source[by_source["metric"].isin(HEADLINE)].groupby("source"):
        final = final_checkpoints(pd.DataFrame(rows))
        table.add_section()
        table.add_row(f"[italic]{escape(str(source))}[/italic]", *_counts(final))
        for metric, cells in _rows(final):
            table.add_row(_name(metric), *cells)
    return table


def _change_table(title: str, caption: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, caption=caption)
    for column in ("metric", "pretrained", "post-trained", "difference"):
        table.add_column(column, justify="left" if column == "metric" else "right", no_wrap=True)
    return table


def _counts(final: pd.DataFrame) -> list[str]:
    return [counted(int(final[f"{what}s"].max()), what) for what in ("window", "sequence", "subject")]


def baselines_table(comparison: pd.DataFrame) -> Table | None:
    """One row per baseline: its means, with differences from the last pretrained checkpoint in brackets."""
    return _table_beside(comparison, BASELINES, "Without any training", "baseline")


def guided_table(comparison: pd.DataFrame) -> Table | None:
    """The same for checkpoints whose motions were also scored with guidance."""
    return _table_beside(comparison, GUIDED, "With guidance", "checkpoint")


def _table_beside(comparison: pd.DataFrame, stage: str, title: str, what: str) -> Table | None:
    beside = changes_beside(comparison, stage)
    if not beside:
        return None
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        caption="means, and paired differences from the pretrained model in brackets",
    )
    table.add_column(what, no_wrap=True)
    shown = [metric for metric in BESIDE if all(metric in changes for changes in beside.values())]
    for metric in shown:
        table.add_column(_name(metric), justify="right")
    for name, changes in beside.items():
        table.add_row(name.partition("/")[2], *(_mean_and_difference(changes[metric]) for metric in shown))
    return table


def runs_table(contenders: list[Contender]) -> Table:
    """One row per contender: its means, and in brackets the differences from the reference's."""
    reference = next(contender for contender in contenders if contender.is_reference)
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Last checkpoints of runs, and those from elsewhere",
        caption=f"means, and paired differences from {reference.name} in brackets; ≠ measured otherwise",
    )
    table.add_column("checkpoint", no_wrap=True)
    headline = [metric for metric in HEADLINE if metric in reference.changes]
    for metric in headline:
        table.add_column(_name(metric), justify="right", no_wrap=True)
    for contender in contenders:
        name = contender.name + (" ≠" if contender.otherwise else "")
        table.add_row(name, *(_difference(contender, metric) for metric in headline))
    return table


def _difference(contender: Contender, metric: str) -> str:
    change = contender.changes.get(metric)
    if change is None:
        return "–"
    if contender.is_reference or not contender.is_paired:
        return _number(change.after.value, "")
    return _mean_and_difference(change)


def _mean_and_difference(change: MetricChange) -> str:
    colour, difference = COLOURS[change.outcome], _number(change.difference.value, "+")
    return f"{_number(change.after.value, '')} ([{colour}]{difference}[/{colour}])"


def _rows(final: pd.DataFrame) -> list[tuple[str, tuple[str, str, str]]]:
    """The cells of every metric; without a post-trained checkpoint, the pretrained means alone."""
    if set(final["stage"]) == {"pretraining", "grpo"}:
        return [(change.metric, _cells(change)) for change in metric_changes(final)]
    rows = final.to_dict(orient="records")
    means = [Interval(row["mean"], row["low"], row["high"]) for row in rows]
    return [(str(row["metric"]), (_text(mean), "–", "–")) for row, mean in zip(rows, means, strict=True)]


def _name(metric: str) -> str:
    return f"{metric} {ARROWS[METRICS[metric].better]}"


def _cells(change: MetricChange) -> tuple[str, str, str]:
    colour = COLOURS[change.outcome]
    return _text(change.before), _text(change.after), f"[{colour}]{_text(change.difference, '+')}[/{colour}]"


def _text(interval: Interval, sign: str = "") -> str:
    value, low, high = (_number(x, sign) for x in (interval.value, interval.low, interval.high))
    return f"{value} \\[{low}, {high}]"


def _number(value: float, sign: str) -> str:
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:{sign},.{decimals}f}"
