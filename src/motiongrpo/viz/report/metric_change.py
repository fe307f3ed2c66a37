"""The change of a metric between checkpoints, as tables, figures and findings use it."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from motiongrpo.base.errors import InputError
from motiongrpo.metrics.baselines import BASELINES
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.table import final_checkpoints
from motiongrpo.viz.report.tables import Row, records

CHECKS = ("head_position_mm", "head_rotation_deg")  # zero by construction: their changes are rounding
HEADLINE = ("mpjpe_mm", "pa_mpjpe_mm", "mpjve_mm_s", "foot_sliding_mm_s")  # where only a few fit
PERCENT = 100.0

Outcome = Literal["better", "worse", "undecided", "not judged"]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; both bounds are NaN where there is none."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Interval":
        """Every number times `factor`; a negative factor exchanges the bounds."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Interval(self.value * factor, low, high)


@dataclass(frozen=True)
class MetricChange:
    """One metric of two checkpoints, such as before and after post-training, paired window by window."""

    metric: str
    before: Interval
    after: Interval
    difference: Interval
    windows: int
    sequences: int
    subjects: int
    left_out: int  # windows where the metric is undefined
    resampled: str  # the units that intervals are over, in words

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit

    @property
    def in_print(self) -> bool:
        return METRICS[self.metric].in_print

    @property
    def judged(self) -> bool:
        """Whether the metric has a better direction and is a measure of the policy.

        A metric that is only for comparison with papers is not: its textbook counterpart is judged.
        """
        one_way = METRICS[self.metric].better != "none"
        return one_way and not self.in_print and self.metric not in CHECKS

    @property
    def outcome(self) -> Outcome:
        """Better, worse or undecided by the interval of the difference; undecided without an interval."""
        if not self.judged:
            return "not judged"
        gain = self._oriented(self.difference)
        return "better" if gain.low > 0 else "worse" if gain.high < 0 else "undecided"

    def relative_gain(self) -> Interval | None:
        """The difference in percent of the pretrained mean, positive where better; None if the mean is 0."""
        if not self.judged or self.before.value == 0:
            return None
        return self._oriented(self.difference).scaled(PERCENT / abs(self.before.value))

    def _oriented(self, difference: Interval) -> Interval:
        return difference.scaled(1.0 if METRICS[self.metric].better == "higher" else -1.0)


def metric_changes(final: pd.DataFrame) -> list[MetricChange]:
    """The metrics of the last pretrained and the last post-trained checkpoint, in the order of the table.

    `final` has only the rows of these two checkpoints of a comparison; a metric that one of them lacks has no
    change.
    """
    before, after = (_by_metric(final, stage) for stage in ("pretraining", "grpo"))
    return [metric_change(metric, before[metric], row) for metric, row in after.items() if metric in before]


def baseline_changes(comparison: pd.DataFrame) -> dict[str, dict[str, MetricChange]]:
    """The metrics of each baseline against the last pretrained checkpoint; none without such a checkpoint."""
    return changes_beside(comparison, BASELINES)


def changes_beside(comparison: pd.DataFrame, stage: str) -> dict[str, dict[str, MetricChange]]:
    """The metrics of all candidates of a stage against the last pretrained checkpoint, by name."""
    final = final_checkpoints(comparison)
    if "pretraining" not in set(final["stage"]):
        return {}
    before = _by_metric(final, "pretraining")
    changes: dict[str, dict[str, MetricChange]] = {}
    for row in records(pd.DataFrame(comparison[comparison["stage"] == stage])):
        if (metric := row["metric"]) in before:
            changes.setdefault(row["checkpoint"], {})[metric] = metric_change(metric, before[metric], row)
    return changes


def changes_by_source(by_source: pd.DataFrame) -> dict[str, list[MetricChange]]:
    """The headline metrics for each source of motion, where both trainings have a checkpoint."""
    headline = by_source[by_source["metric"].isin(HEADLINE)]
    return {
        str(source): metric_changes(pd.DataFrame(rows))
        for source, rows in headline.groupby("source")
        if {"pretraining", "grpo"} <= set(rows["stage"])
    }


def _by_metric(final: pd.DataFrame, stage: str) -> dict[str, Row]:
    """The rows of one stage by metric; InputError where it has none."""
    rows = {str(row["metric"]): row for row in records(final) if row["stage"] == stage}
    if not rows:
        raise InputError(
            f"the comparison has no {stage} checkpoint; run the {stage} and evaluation pipelines"
        )
    return rows


def metric_change(metric: str, before: Row, after: Row) -> MetricChange:
    """One metric from two rows of a comparison; the second has the difference from the first."""
    return MetricChange(
        metric=metric,
        before=Interval(before["mean"], before["low"], before["high"]),
        after=Interval(after["mean"], after["low"], after["high"]),
        difference=Interval(after["difference"], after["difference_low"], after["difference_high"]),
        windows=after["windows"],
        sequences=after["sequences"],
        subjects=after["subjects"],
        left_out=after["left_out"],
        resampled=after["resampled"],
    )
