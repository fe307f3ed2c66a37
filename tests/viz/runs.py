"""Small logs and comparisons, like those of a run."""

import math

import numpy as np
import pandas as pd

from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.metrics.band_calibration import CALIBRATED, COLUMNS, UNCALIBRATED
from motiongrpo.metrics.error_profile import WindowFacts
from motiongrpo.metrics.error_profile import error_profile as profile_of

ABOUT = {"mpjpe_mm": ("mm", "lower"), "contact_f1": ("", "higher"), "jitter_m_s3": ("m/s³", "none")}


def comparison_row(checkpoint: str, metric: str, mean: float, difference: tuple[float, float, float]) -> dict:
    """One row of a comparison; the interval of the mean is ±10."""
    stage, step = checkpoint.split("/")
    unit, better = ABOUT.get(metric, ("", "lower"))
    middle, low, high = difference
    return {
        "checkpoint": checkpoint,
        "stage": stage,
        "step": int(step),
        "metric": metric,
        "unit": unit,
        "better": better,
        "mean": mean,
        "low": mean - 10,
        "high": mean + 10,
        "windows": 96,
        "sequences": 32,
        "subjects": 8,
        "left_out": 0,
        "difference": middle,
        "difference_low": low,
        "difference_high": high,
        "paired_windows": 96,
        "resampled": "sequences",
    }


def comparison(**metrics: tuple[float, tuple[float, float, float]]) -> pd.DataFrame:
    """Pretrained mean and difference of each metric at the last of two updates; half of it at the first."""
    rows = []
    for metric, (before, difference) in metrics.items():
        half = tuple(value / 2 for value in difference)
        rows += [
            comparison_row("pretraining/100", metric, before, (0.0, 0.0, 0.0)),
            comparison_row("grpo/5", metric, before + half[0], half),
            comparison_row("grpo/10", metric, before + difference[0], difference),
        ]
    return pd.DataFrame(rows)


def final(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last checkpoint of each stage."""
    return table[table["checkpoint"].isin(["pretraining/100", "grpo/10"])]


def improved() -> pd.DataFrame:
    """Position clearly better, contact clearly worse, jitter changed."""
    return comparison(
        mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)),
        contact_f1=(0.8, (-0.04, -0.06, -0.02)),
        jitter_m_s3=(50.0, (5.0, 4.0, 6.0)),
    )


def with_constant_pose(mean: float, difference: tuple[float, float, float]) -> pd.DataFrame:
    """The same with an upright constant pose, with given MPJPE and difference from the prior's."""
    row = comparison_row("baselines/0", "mpjpe_mm", mean, difference)
    row |= {"checkpoint": "baselines/constant_upright"}
    return pd.concat([improved(), pd.DataFrame([row])], ignore_index=True)


def grpo_log(updates: int = 20, last_spread: float = 3.0, dropped: float = 0.0) -> pd.DataFrame:
    """Two reward terms and two body parts; the spread changes linearly from 3 mm to the last value."""
    share = [0.0] if updates == 1 else [step / (updates - 1) for step in range(updates)]
    return pd.DataFrame(
        {
            "step": range(1, updates + 1),
            "reward_position": [0.4 + 0.1 * s for s in share],
            "reward_perceptual": 1.0,
            "reward_std_position": 0.01,
            "reward_std_perceptual": 0.001,
            "spread_mm_arms": 2.0,
            "spread_mm_all": [3.0 + (last_spread - 3.0) * s for s in share],
            "dropped_share": dropped,
            "level_clipped_low_1000": 0.05,
            "level_clipped_low_225": 0.15,
            "level_clipped_high_1000": 0.0,
            "level_clipped_high_225": 0.1,
            "gradient_norm": 0.02,
        }
    )


def pretraining_log(validation: list[float]) -> pd.DataFrame:
    """Ten steps for each validation loss, which is measured at the tenth."""
    steps = 10 * len(validation)
    loss = [1 / step for step in range(1, steps + 1)]
    measured = [validation[s // 10 - 1] if s % 10 == 0 else math.nan for s in range(1, steps + 1)]
    columns = {"validation_loss": measured, "validation_mpjpe_mm": [100 * loss for loss in measured]}
    return pd.DataFrame({"step": range(1, steps + 1), "loss": loss} | columns)


def reward_log() -> pd.DataFrame:
    return pd.DataFrame({"step": [1, 2, 3], "loss": [4.0, 3.0, 2.0], "pair_accuracy": [0.5, 0.75, 1.0]})


def error_profile(activities: tuple[str, ...] = ("walk", "turn+walk", "")) -> pd.DataFrame:
    """Two models on windows of three sequences; the second is 5 mm better at the left wrist alone."""
    before = np.random.default_rng(0).uniform(50, 60, (6, 4, BODY_JOINTS))
    after = before - 5.0 * (np.arange(BODY_JOINTS) == Joint.LEFT_WRIST)
    facts = WindowFacts(np.repeat([3, 5, 8], 2), ["a"] * 6, [name for name in activities for _ in range(2)])
    models = {"pretrained": before, "post-trained": after}
    return profile_of(models, facts, 30.0, np.random.default_rng(0), 200)


def band_reliability(inside: float = 0.88) -> pd.DataFrame:
    """Two people; 50 % bands are exact, 90 % bands contain the given share, the spread's contain little."""
    named = [("all", "all"), ("joint", "left foot"), ("joint", "head"), ("person", "a"), ("person", "b")]
    rows = []
    for band, shares in {CALIBRATED: (0.5, inside), UNCALIBRATED: (0.05, 0.1)}.items():
        for level, share in zip((0.5, 0.9), shares, strict=True):
            values = share, share - 0.05, share + 0.05, 100.0, 8
            rows += [(band, level, by, name, *values, 1 if by == "person" else 2) for by, name in named]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def examination(jitter: float = 0.9) -> dict:
    """One corruption with two severities, another head, samples."""
    return {
        "windows": 48,
        "corruptions": {"jitter": {"pair_accuracy": {"0.25": 0.7, "1.0": jitter}, "spearman": -0.8}},
        "another_head": {"pair_accuracy": 0.8},
        "truth_score": 0.5,
        "samples": {"pair_accuracy": 0.95, "score": 0.4},
    }


def ingestion_report(**refused: str) -> pd.DataFrame:
    """Two accepted files, one repaired, and refused ones with their reasons."""
    rows = [("a.bvh", "accepted", "", 10.0, 1), ("b.bvh", "accepted", "", 20.0, 1)]
    rows += [("c.bvh", "repaired", "2 frames", 5.0, 1)]
    rows += [(f"{name}.bvh", "refused", reason, 0.0, 0) for name, reason in refused.items()]
    return pd.DataFrame(rows, columns=["file", "verdict", "reason", "seconds", "sequences"])
