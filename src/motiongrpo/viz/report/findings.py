"""Findings: sentences about a run, made from its results.

The limits only decide whether a sentence is shown; they stop nothing.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from motiongrpo.base.words import by_value
from motiongrpo.metrics.band_calibration import CALIBRATED, UNCALIBRATED
from motiongrpo.metrics.standing import CURRENT
from motiongrpo.viz.figures.curves import beyond_clip_range
from motiongrpo.viz.report.metric_change import MetricChange

FEW_SEQUENCES = 20  # a percentile interval over fewer is too narrow
OVERFITTED = 1.05  # last validation loss over the lowest
OFTEN = 0.3  # share of groups or samples
COLLAPSED = 0.5  # last spread over the first
NEAR_CHANCE = 0.6  # of pairs in the right order
CONSTANT_POSE = "baselines/constant_upright"
CONSTANT = "a constant pose, upright under the head,"
DIVERSITY = "pairwise_diversity_mm"
BAND = 0.9  # the level of bands in the finding
BAND_OFF = 0.05  # of the held-out share from the level, either way
ENDS = 10  # the first and the last tenth of the updates are compared


Tone = Literal["good", "note", "warning"]


@dataclass(frozen=True)
class Finding:
    """One sentence; `good` and `note` inform, `warning` asks for attention."""

    tone: Tone
    text: str


def finding_of_prior(baselines: dict[str, dict[str, MetricChange]]) -> list[Finding]:
    """Whether the pretrained model beats a constant pose in MPJPE; otherwise other results mean little.

    Empty where there is no constant pose among the baselines.
    """
    change = baselines.get(CONSTANT_POSE, {}).get("mpjpe_mm")
    return [_against_constant(change)] if change else []


def findings_of_run(
    changes: list[MetricChange],
    pretraining_log: pd.DataFrame,
    reward_report: dict[str, Any],
    grpo_log: pd.DataFrame,
    ingestion_report: pd.DataFrame,
) -> list[Finding]:
    """All findings of a run, those of the comparison first."""
    return [
        *findings_of_comparison(changes),
        *findings_of_grpo(grpo_log),
        *findings_of_rewards(reward_report),
        *findings_of_pretraining(pretraining_log),
        *findings_of_ingestion(ingestion_report),
    ]


def findings_of_scores(standings: list[dict[str, str]]) -> list[Finding]:
    """Checkpoints without a current score, and why; this comes first, since all else depends on scores."""
    others = {row["checkpoint"]: row["standing"] for row in standings if row["standing"] != CURRENT}
    return [
        Finding("warning", f"Not scored as of now, {reason}: {', '.join(names)}.")
        for reason, names in by_value(others).items()
    ]


def findings_of_comparison(changes: list[MetricChange]) -> list[Finding]:
    """Metrics that became clearly better or worse, and whether there are enough sequences for that."""
    better = [change.metric for change in changes if change.outcome == "better"]
    worse = [change for change in changes if change.outcome == "worse"]
    findings = [Finding("warning", _worse(change)) for change in worse]
    if better:
        findings.insert(0, Finding("good", f"Clearly better after GRPO: {', '.join(better)}."))
    if not better and not worse:
        text = "GRPO changed no metric clearly: every 95 % interval of a difference contains zero."
        findings.append(Finding("warning", text))
    findings += [Finding("warning", _collapsed(change)) for change in changes if _has_collapsed(change)]
    sequences = max(change.sequences for change in changes)
    if sequences < FEW_SEQUENCES:
        text = f"All intervals rest on {sequences} held-out sequences, for which they are too narrow."
        findings.append(Finding("warning", text))
    return findings


def findings_of_bands(reliability: pd.DataFrame) -> list[Finding]:
    """The share of held-out joints inside the 90 % bands; empty where none were calibrated."""
    rows = reliability[(reliability["by"] == "all") & (reliability["level"] == BAND)].set_index("band")
    if rows.empty:
        return []
    values = rows.loc[[CALIBRATED, UNCALIBRATED], ["inside", "low", "high", "radius_mm"]].to_numpy(np.float64)
    (inside, low, high, radius), (bare, *_) = values.tolist()
    interval = "" if math.isnan(low) else f" [{low:.0%}, {high:.0%}]"
    text = (
        f"{BAND:.0%} bands hold {inside:.0%} of held-out joints{interval}, with a mean radius of "
        f"{radius:.0f} mm; the spread of samples alone would hold {bare:.0%}."
    )
    if abs(inside - BAND) <= BAND_OFF:
        return [Finding("good", text)]
    return [Finding("warning", f"{text} They are too {'narrow' if inside < BAND else 'wide'}.")]


def findings_of_pretraining(log: pd.DataFrame) -> list[Finding]:
    """Whether the denoiser was trained for too long."""
    if "validation_loss" not in log:
        return []
    measured = log.loc[log["validation_loss"].notna()]
    loss, step = measured["validation_loss"].to_numpy(), measured["step"].to_numpy()
    ratio = loss[-1] / loss.min()
    if ratio < OVERFITTED:
        return []
    text = (
        f"The validation loss was lowest at step {step[loss.argmin()]}; it ends {ratio - 1:.0%} above that."
    )
    return [Finding("warning", text)]


def findings_of_rewards(report: dict[str, Any]) -> list[Finding]:
    """Corruptions that the reward model does not distinguish from the truth, and hence does not penalise."""
    accuracy = {kind: list(r["pair_accuracy"].values())[-1] for kind, r in report["corruptions"].items()}
    accuracy["another_head"] = report["another_head"]["pair_accuracy"]
    blind = [f"{k.replace('_', ' ')} ({share:.0%})" for k, share in accuracy.items() if share < NEAR_CHANCE]
    if not blind:
        return []
    text = f"The reward model hardly tells the truth from {', '.join(blind)} at full severity; chance is 50%."
    return [Finding("warning", text)]


def findings_of_grpo(log: pd.DataFrame) -> list[Finding]:
    """Whether groups were dropped, ratios left the clip range, or the samples of groups became alike."""
    findings = []
    dropped, beyond = log["dropped_share"].mean(), beyond_clip_range(log).sum(axis=1).mean()
    if dropped > OFTEN:
        text = f"{dropped:.0%} of groups were dropped on average: their samples agreed on every reward."
        findings.append(Finding("warning", text))
    if beyond > OFTEN:
        text = f"{beyond:.0%} of samples were beyond the clip range after an update, on average over levels: "
        text += "updates are large for it."
        findings.append(Finding("warning", text))
    if log.get("perceptual_version", pd.Series([0])).max() > 0:
        text = f"The reward model was refreshed {log['perceptual_version'].max()} times; its rewards compare "
        findings.append(Finding("note", text + "only between two refreshes (perceptual_version in the log)."))
    count, spread = max(1, len(log) // ENDS), log["spread_mm_all"].to_numpy()
    first, last = spread[:count].mean(), spread[-count:].mean()
    if last < COLLAPSED * first:
        text = (
            f"During GRPO the samples of a group came closer together, from {first:.3g} mm to {last:.3g} mm."
        )
        findings.append(Finding("warning", text))
    return findings


def findings_of_ingestion(report: pd.DataFrame) -> list[Finding]:
    """How many raw files were refused."""
    refused = report[report["verdict"] == "refused"]
    if refused.empty:
        return []
    text = f"{len(refused)} of {len(report)} files were refused; the reasons are under Data."
    return [Finding("note", text)]


def _against_constant(change: MetricChange) -> Finding:
    """The finding from `change`, that from the pretrained model to the constant pose."""
    prior = change.difference.scaled(-1.0)
    means = f"{change.before.value:.1f} mm against {change.after.value:.1f} mm"
    paired = f"a difference of {prior.value:+.1f} mm [{prior.low:+.1f}, {prior.high:+.1f}]"
    if change.outcome == "worse":
        gain = f"by {-prior.value / change.after.value:.0%}"
        return Finding("good", f"The pretrained model beats {CONSTANT} in MPJPE {gain}: {means}, {paired}.")
    text = f"The pretrained model does not beat {CONSTANT} in MPJPE: {means}, {paired}."
    return Finding("warning", f"{text} Until a prior does, nothing follows about post-training.")


def _has_collapsed(change: MetricChange) -> bool:
    return change.metric == DIVERSITY and change.after.value < COLLAPSED * change.before.value


def _collapsed(change: MetricChange) -> str:
    return (
        f"Samples under one head path came closer together: {change.metric} fell from "
        f"{change.before.value:.3g} to {change.after.value:.3g}."
    )


def _worse(change: MetricChange) -> str:
    d = change.difference
    unit = f" {change.unit}" if change.unit else ""
    return f"GRPO made {change.metric} worse: {d.value:+.3g}{unit} [{d.low:+.3g}, {d.high:+.3g}]."
