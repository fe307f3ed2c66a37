"""Whether a score still stands: scores are compared only where they were measured alike.

A score keeps the provenance of its measurement, so that a later one can say what has changed since.
"""

from typing import Any

from motiongrpo.base.provenance import Provenance
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.score import METRICS

VERSION = 1  # to be raised when a checkpoint's score comes out otherwise; a test holds the numbers of one

CURRENT = "current"  # how a score stands that was measured as it would be now
SAME = "same"  # how two scores compare that were measured alike

Score = dict[str, Any]  # of one checkpoint: stage, step, weights, measured, windows


def evaluation_provenance(motion: str, windows: str, body: str, config: EvaluationConfig) -> Provenance:
    """What a score would be measured on, and how, if it were measured now; the first three are digests."""
    return Provenance(
        "evaluation",
        config.model_dump(mode="json", exclude={"resamples", "force", "baselines", "guidance"}),
        {"motion": motion, "held_out_windows": windows, "body_file": body, "metrics": list(METRICS)},
        VERSION,
    )


def staleness(score: Score, weights: str, now: Provenance) -> list[str]:
    """What has changed since a score was measured, in words; nothing where it is current."""
    other_weights = [] if score["weights"] == weights else ["other weights"]
    return other_weights + now.changes(score.get("measured"))


def is_current(score: Score | None, weights: str, now: Provenance) -> bool:
    """Whether there is a score of these weights that was measured as it would be now."""
    return score is not None and not staleness(score, weights, now)


def paired(one: Score, other: Score) -> bool:
    """Whether two scores are of the same windows and the same metrics, however motions were drawn."""
    records = [score.get("measured") or {} for score in (one, other)]
    return all(records[0].get(name) == records[1].get(name) for name in ("version", "inputs"))


def measured_otherwise(reference: Score, score: Score) -> list[str]:
    """A phrase for each thing that differs in how a score was measured from how the reference was."""
    before, now = reference.get("measured"), score.get("measured")
    if before == now:
        return []
    return Provenance(**now).changes(before) if now else ["it does not say how it was made"]
