"""What a score was measured on, and how: scores are compared under one protocol only.

A score keeps the protocol it was measured under, so that a later one can say what has changed since.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.base.words import differences
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.score import METRICS

VERSION = 1  # to be raised when a checkpoint's score comes out otherwise; a test holds the numbers of one

CURRENT = "current"  # how a score stands that was measured as it would be now
SAME = "same"  # the protocol of two scores that were measured alike

Score = dict[str, Any]  # of one checkpoint: stage, step, weights, protocol, measured, windows


@dataclass(frozen=True)
class Protocol:
    """Everything that a score depends on but the weights."""

    version: int  # of the code that measures
    metrics: list[str]
    motions: str  # digest of the store
    windows: str  # digest of the held-out windows
    body: str  # digest of the body file
    parameters: dict[str, Any]  # of the evaluation, without those of the comparison

    @classmethod
    def of_now(cls, motions: str, windows: str, body: str, config: EvaluationConfig) -> "Protocol":
        """As a score would be measured by this code; the first three are digests."""
        parameters = config.model_dump(mode="json", exclude={"resamples", "force"})
        return cls(VERSION, list(METRICS), motions, windows, body, parameters)

    @cached_property
    def digest(self) -> str:
        return digest_of(asdict(self))

    def record(self) -> dict[str, Any]:
        """What a score file keeps: the digest, and what it is of."""
        return {"protocol": self.digest, "measured": asdict(self)}

    def has_current(self, score: Score | None, weights: str) -> bool:
        """Whether there is a score of these weights that was measured so."""
        return is_current(score, self.digest, weights)

    def staleness(self, score: Score, weights: str) -> list[str]:
        """What has changed since a score was measured, in words; nothing where it is current."""
        other_weights = [] if score["weights"] == weights else ["other weights"]
        return other_weights + ([] if score["protocol"] == self.digest else changes(score, self.record()))


def is_current(score: Score | None, protocol: str, weights: str) -> bool:
    """Whether a score is of these weights, measured under this protocol."""
    return score is not None and (score["protocol"], score["weights"]) == (protocol, weights)


def changes(before: Score, now: Score) -> list[str]:
    """A phrase for each thing that differs between the protocols of two scores."""
    if before["protocol"] == now["protocol"]:
        return []
    old, new = before.get("measured"), now.get("measured")
    if old is None or new is None:
        return ["it does not say how it was measured"]  # of a version that did not keep it
    found = differences(old["parameters"], new["parameters"], "evaluation")
    if old["version"] != new["version"]:
        found.append(f"the code that measures was version {old['version']}, is {new['version']}")
    others = {
        "metrics": "other metrics",
        "motions": "other motion",
        "windows": "other held-out windows",
        "body": "another body file",
    }
    return found + [phrase for name, phrase in others.items() if old[name] != new[name]]


def paired(one: Score, other: Score) -> bool:
    """Whether two scores are of the same windows and the same metrics, however motions were drawn."""
    records = [score.get("measured") for score in (one, other)]
    if None in records:
        return one["protocol"] == other["protocol"]
    same = ("version", "metrics", "motions", "windows", "body")
    return all(records[0][name] == records[1][name] for name in same)  # type: ignore[index]
