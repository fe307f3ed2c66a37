"""The comparison of checkpoints: one row per checkpoint and metric, every mean with its interval."""

from collections.abc import Container
from dataclasses import asdict
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator
from typing_extensions import TypedDict

from motiongrpo.base.config import nearest
from motiongrpo.base.errors import InputError
from motiongrpo.base.tables import Measure
from motiongrpo.metrics.bootstrap import Draws, draw_over, estimate
from motiongrpo.metrics.score import METRICS
from motiongrpo.motion.windows import Spread

CHECKPOINT = ["checkpoint", "stage", "step"]
WINDOW = ["sequence", "window"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]
KEYS = [*CHECKPOINT, "subject", *WINDOW]
SOURCE = "source"  # a column of scores that a comparison does not need


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"there is no metric '{metric}'")
    return metric


class ComparedRow(TypedDict):
    """A row of a comparison: one metric of one checkpoint, and its difference from the reference."""

    checkpoint: str
    stage: str
    step: int
    metric: Annotated[str, AfterValidator(_known)]
    unit: str
    better: Literal["lower", "higher", "none"]
    mean: Measure
    low: Measure
    high: Measure
    windows: int
    sequences: int
    subjects: int
    left_out: int
    difference: Measure
    difference_low: Measure
    difference_high: Measure
    paired_windows: int
    resampled: str


class StandingRow(ComparedRow):
    """A row of the comparison of one run, and whether its score is current."""

    standing: str


class SourceRow(ComparedRow):
    """A row of a comparison on one source of motion alone."""

    source: str


class RunRow(ComparedRow):
    """A row of the comparison of runs: the checkpoint, its run, its reference, and how it was measured."""

    run: str
    reference: str
    protocol: str


def comparison(
    scores: pd.DataFrame,
    reference: str,
    rng: np.random.Generator,
    resamples: int,
    spread: Spread = "sequences",
) -> pd.DataFrame:
    """Means of all metrics of each checkpoint and paired differences from the reference, with 95 % intervals.

    `scores` has the columns `KEYS` and any of `METRICS`, one row per checkpoint and window, averaged over
    samples. All checkpoints and metrics share one set of resamples, over what `resampled` names. A window
    where a metric is undefined is left out of its mean and counted in `left_out`; a difference needs both
    sides defined.
    """
    metrics = metric_columns(scores)
    tables = tables_by_checkpoint(scores, reference)
    checkpoints = pd.concat([table[CHECKPOINT].head(1) for table in tables], ignore_index=True)
    base = checkpoints["checkpoint"].tolist().index(reference)
    owners = tables[base].drop_duplicates("sequence")["subject"].to_numpy()
    draws, resampled = draw_over(spread, owners, resamples, rng)
    parts = [checkpoints.assign(**_columns(metric, tables, base, draws)) for metric in metrics]
    by_checkpoint = pd.concat(parts).sort_index(kind="stable")  # the index is the number of the checkpoint
    return by_checkpoint.reset_index(drop=True).assign(resampled=resampled)


def comparison_by_source(
    scores: pd.DataFrame,
    reference: str,
    rng: np.random.Generator,
    resamples: int,
    spread: Spread = "sequences",
) -> pd.DataFrame:
    """The comparison for the windows of each source of motion alone; `scores` has a column `SOURCE`."""
    if SOURCE not in scores:
        raise InputError(f"the scores have no column '{SOURCE}': score the checkpoints again")
    parts = [
        comparison(rows, reference, rng, resamples, spread).assign(**{SOURCE: source})
        for source, rows in scores.groupby(SOURCE)
    ]
    whole = pd.concat(parts, ignore_index=True)
    return whole[[SOURCE, *whole.columns.drop(SOURCE)]]


def tidy(name: str, score: dict[str, Any]) -> pd.DataFrame:
    """The score of one checkpoint as a table, one row per window."""
    return pd.DataFrame(score["windows"]).assign(checkpoint=name, stage=score["stage"], step=score["step"])


def compared(
    tables: dict[str, pd.DataFrame],
    reference: str,
    alike: Container[str],
    rng: np.random.Generator,
    resamples: int,
    spread: Spread = "sequences",
) -> pd.DataFrame:
    """The comparison of checkpoints that were measured `alike`; all others have their means alone.

    `tables` has the scores of each checkpoint by name. Checkpoints measured differently have no difference.
    """
    together = pd.concat([table for name, table in tables.items() if name in alike], ignore_index=True)
    parts = [comparison(together, reference, rng, resamples, spread)]
    for name, table in tables.items():
        if name not in alike:
            alone = comparison(table, name, rng, resamples, spread)
            parts.append(alone.assign(**dict.fromkeys(DIFFERENCE, np.nan), paired_windows=0))
    order = {name: number for number, name in enumerate(tables)}
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(
        "checkpoint", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def fault_of_runs(table: pd.DataFrame) -> str:
    """The reason why a table is not a comparison of runs, "" where it is one."""
    if table.empty or set(table["reference"]) - set(table["checkpoint"]):
        return "it has no row of its reference"
    return ""


def final_checkpoints(comparison: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last pretrained and the last post-trained checkpoint of a comparison."""
    last = comparison.groupby("stage")["step"].transform("max") == comparison["step"]
    return pd.DataFrame(comparison[last & comparison["stage"].isin(("pretraining", "grpo"))])


def _columns(metric: str, tables: list[pd.DataFrame], base: int, draws: Draws) -> dict[str, Any]:
    """The columns of a comparison for one metric; the reference is the table with index `base`."""
    about = METRICS[metric]
    windows = tables[base]
    _, sequence = np.unique(windows["sequence"].to_numpy(), return_inverse=True)
    values = np.stack([table[metric].to_numpy(dtype=np.float64) for table in tables], axis=1)
    weights = windows[about.weight].to_numpy(np.float64) if about.weight else np.ones(len(values))
    mean = estimate(values, weights, sequence, draws)
    difference = estimate(values - values[:, [base]], weights, sequence, draws)
    return {
        "metric": metric,
        "unit": about.unit,
        "better": about.better,
        **asdict(mean),
        "subjects": [windows.loc[~np.isnan(column), "subject"].nunique() for column in values.T],
        "left_out": len(values) - mean.windows,
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "paired_windows": difference.windows,
    }


def metric_columns(scores: pd.DataFrame) -> list[str]:
    """The metrics of a table of scores, in the order of `METRICS`; InputError for other columns."""
    for key in KEYS:
        if key not in scores:
            raise InputError(f"the scores have no column '{key}': score the checkpoints again")
    for column in scores.columns.difference([*KEYS, SOURCE]):
        if column not in METRICS:
            raise InputError(f"'{column}' in the scores is not a metric; {nearest(column, list(METRICS))}")
    metrics = [metric for metric in METRICS if metric in scores]
    if not metrics:
        raise InputError("the scores have no metric: score the checkpoints again")
    for metric in metrics:
        weight = METRICS[metric].weight
        if weight and weight not in scores:
            raise InputError(f"the scores have '{metric}' but not '{weight}', which weighs it: score again")
        _refuse_not_finite(scores, metric)
    return metrics


def _refuse_not_finite(scores: pd.DataFrame, metric: str) -> None:
    may_be_nan = METRICS[metric].undefined != ""
    value = scores[metric]
    wrong = scores[np.isinf(value) | (value.isna() & (not may_be_nan))]
    for _, row in wrong.head(1).iterrows():
        raise InputError(
            f"{metric} of checkpoint '{row['checkpoint']}' is {row[metric]} in window {row['window']} of "
            f"sequence {row['sequence']}: its motion is not finite, so leave the checkpoint out"
        )


def tables_by_checkpoint(scores: pd.DataFrame, reference: str) -> list[pd.DataFrame]:
    """The scores of each (checkpoint, stage, step), in order of appearance, with rows in one window order.

    Raises InputError unless each was scored exactly once on every window of the reference.
    """
    names = scores["checkpoint"].unique().tolist()
    if reference not in names:
        raise InputError(f"the reference checkpoint '{reference}' has no scores; {nearest(reference, names)}")
    groups = scores.groupby(CHECKPOINT, sort=False, dropna=False)
    tables = [rows.sort_values(WINDOW, ignore_index=True) for _, rows in groups]
    windows = next(_windows(table) for table in tables if table.at[0, "checkpoint"] == reference)
    for table in tables:
        if _windows(table) != windows:
            raise InputError(
                f"checkpoint '{table.at[0, 'checkpoint']}' at step {table.at[0, 'step']} was scored on "
                f"{len(table)} windows, which are not the {len(windows)} of the reference '{reference}': "
                "score both on the same"
            )
    return tables


def _windows(table: pd.DataFrame) -> list[tuple]:
    """The windows of one checkpoint, in order."""
    windows = list(table[WINDOW].itertuples(index=False, name=None))
    for this, following in pairwise(windows):
        if this == following:
            raise InputError(
                f"checkpoint '{table.at[0, 'checkpoint']}' has two scores of window {this[1]} of sequence "
                f"{this[0]}: remove one"
            )
    return windows
