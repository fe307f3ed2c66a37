"""Whether a score is current: scores are compared only where they were measured alike.

A score keeps the provenance of its measurement, so that later changes can be listed.
"""

from math import inf
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict
from typing_extensions import TypedDict

from motiongrpo.base.provenance import Provenance
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.score import METRICS

VERSION = 1  # to be raised when the code changes a score; a test has the values of one

CURRENT = "current"  # the standing of a score that was measured as it would be now
SAME = "same"  # the comparison of two scores that were measured alike

Score = dict[str, Any]  # of one checkpoint, a `ScoreRecord`


def _aligned(windows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Columns of equal length, with one row per window; an undefined metric is None or NaN."""
    if missing := [name for name in ("sequence", "window", "subject") if name not in windows]:
        raise ValueError(f"column '{missing[0]}' is missing")
    rows = len(windows["sequence"])
    for name, values in windows.items():
        if len(values) != rows or not rows:
            raise ValueError(f"column '{name}' has {len(values)} rows, 'sequence' {rows}")
        if name in METRICS and any(isinstance(value, str) or abs(value or 0) == inf for value in values):
            raise ValueError(f"column '{name}' has values that are no numbers")
    return windows


Columns = Annotated[dict[str, list[int | float | str | None]], AfterValidator(_aligned)]
"""Columns of windows by name."""


class Standing(TypedDict):
    """Whether the score of a checkpoint is current, and if not, what has changed."""

    checkpoint: str
    standing: str


class ScoreRecord(TypedDict):
    """The score of a checkpoint: its place in a training, how it was measured, its metrics by window."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    run: NotRequired[str]  # absent from older scores
    stage: str
    step: int
    weights: str
    measured: NotRequired[dict[str, Any] | None]
    windows: Columns


def evaluation_provenance(motion: str, windows: str, body: str, config: EvaluationConfig) -> Provenance:
    """The provenance that a score would have if it were measured now; the first three are digests."""
    return Provenance(
        "evaluation",
        config.model_dump(mode="json", exclude={"resamples", "force", "baselines", "guidance"}),
        {"motion": motion, "held_out_windows": windows, "body_file": body, "metrics": list(METRICS)},
        VERSION,
    )


def staleness(score: Score, weights: str, now: Provenance) -> list[str]:
    """What has changed since a score was measured, in words; empty where it is current."""
    other_weights = [] if score["weights"] == weights else ["other weights"]
    return other_weights + now.changes(score.get("measured"))


def is_current(score: Score | None, weights: str, now: Provenance) -> bool:
    """Whether there is a score of these weights that was measured as it would be now."""
    return score is not None and not staleness(score, weights, now)


def paired(one: Score, other: Score) -> bool:
    """Whether two scores have the same windows and metrics, regardless of how motions were drawn."""
    records = [score.get("measured") or {} for score in (one, other)]
    return all(records[0].get(name) == records[1].get(name) for name in ("version", "inputs"))


def measured_otherwise(reference: Score, score: Score) -> list[str]:
    """A phrase for each difference between the measurements of a score and of the reference."""
    before, now = reference.get("measured"), score.get("measured")
    if before == now:
        return []
    return Provenance(**now).changes(before) if now else ["it does not say how it was made"]
