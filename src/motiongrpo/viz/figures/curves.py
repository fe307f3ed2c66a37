"""Training curves: losses, rewards, spread within groups, gradients and clipping."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.figures.palette import BLUE, GREY
from motiongrpo.viz.figures.panels import Panel, columns_after, line, lines_of, rows_per_point, stacked

PERCENT = 100.0
HELD_OUT = "mpjpe_mm"
SHARES = {
    "dropped_share": "dropped groups",
    "low": "samples below the clip range",
    "high": "samples above the clip range",
}


def learning_curves(pretraining_log: pd.DataFrame, reward_log: pd.DataFrame) -> go.Figure:
    """Losses of pretraining and of the reward model, and the latter's pair accuracy."""
    losses = {"loss": "training", "validation_loss": "validation, averaged weights"}
    loss = lines_of(reward_log, {"loss": "training"})
    accuracy = lines_of(reward_log, {"pair_accuracy": "pairs in the right order"}, PERCENT, "%{y:.1f} %")
    chance = _level(reward_log["step"].tolist(), 50.0, "chance")
    first, second = _steps("step", pretraining_log), _steps("step", reward_log)
    error = lines_of(
        pretraining_log, {"validation_mpjpe_mm": "validation: joints, averaged weights"}, hover="%{y:.1f} mm"
    )
    pretraining = [
        Panel("Pretraining", first, "loss (no unit)", lines_of(pretraining_log, losses), log=True),
        Panel("Pretraining: the estimate from noise alone", "step", "MPJPE, mm", error),
    ]
    return stacked(
        [
            *([] if pretraining_log.empty else pretraining),  # a denoiser from elsewhere was not trained
            Panel("Reward model: loss", second, "InfoNCE loss, nats", loss),
            Panel("Reward model: truth above fake", second, "pairs, %", [*accuracy, chance]),
        ]
    )


def reward_curves(grpo_log: pd.DataFrame, comparison: pd.DataFrame) -> go.Figure:
    """Mean of each reward over the samples of an update, and the change on held-out motion."""
    rewards = lines_of(grpo_log, columns_after(grpo_log, "reward_", but_not=("reward_std_",)))
    updates = _steps("update", grpo_log)
    error = f"{HELD_OUT.removesuffix('_mm').upper()} against pretrained, mm"
    return stacked(
        [
            Panel("Rewards, on new windows each update", updates, "mean reward (no unit)", rewards),
            Panel("Held-out error of each checkpoint", "update", error, _held_out(comparison)),
        ]
    )


def diversity_curves(diversity_log: pd.DataFrame) -> go.Figure:
    """Spread of motions and rewards within groups, shares dropped and clipped, and the gradient."""
    log, updates = diversity_log, _steps("update", diversity_log)
    spread = lines_of(log, columns_after(log, "spread_mm_"))
    deviation = lines_of(log, columns_after(log, "reward_std_"))
    shares = lines_of(log.join(beyond_clip_range(log)), SHARES, PERCENT, "%{y:.1f} %")
    norm = lines_of(log, {"gradient_norm": "before clipping"})
    terms = columns_after(log, "evidence_term_cosine_")
    agreement = lines_of(log, {"evidence_gradient_cosine": "all rewards"} | terms)
    signal = Panel("Gradients of two halves of the groups", updates, "cosine (no unit)", agreement)
    return stacked(
        [
            Panel("Distance between samples of a group", updates, "mean distance, mm", spread),
            Panel(
                "Deviation of rewards within a group",
                updates,
                "standard deviation (no unit)",
                deviation,
                log=True,
            ),
            Panel("Dropped groups; samples beyond the clip range", updates, "share, %", shares),
            Panel("Gradient", updates, "norm (no unit)", norm, log=True),
            signal,
        ]
    )


def beyond_clip_range(log: pd.DataFrame) -> pd.DataFrame:
    """Shares of samples whose ratio is below (`low`) or above (`high`) the clip range, mean over levels.

    They are measured after the update, since in the first pass of a rollout every ratio is one.
    """
    sides = ("low", "high")
    return pd.DataFrame({side: log.filter(like=f"level_clipped_{side}_").mean(axis=1) for side in sides})


def _held_out(comparison: pd.DataFrame) -> list[go.Scatter]:
    """Differences of MPJPE from the pretrained model, with intervals, by update."""
    rows = comparison.query("metric == @HELD_OUT and stage == 'grpo'").sort_values("step")
    x, y = rows["step"].to_numpy(), rows["difference"].to_numpy()
    points = line(x, y, "post-trained", 0, "%{y:+.3g} mm")
    points.update(
        mode="lines+markers",
        customdata=rows[["mean", "difference_low", "difference_high"]].to_numpy(),
        hovertemplate=(
            "update %{x}: %{y:+.3g} mm [%{customdata[1]:+.3g}, %{customdata[2]:+.3g}]"
            f"<br>%{{customdata[0]:.4g}} {METRICS[HELD_OUT].unit} in all<extra></extra>"
        ),
        error_y={
            "symmetric": False,
            "array": rows["difference_high"].to_numpy() - y,
            "arrayminus": y - rows["difference_low"].to_numpy(),
            "color": BLUE,
            "thickness": 1.2,
        },
    )
    return [points, _level([0, *x.tolist()], 0.0, "pretrained")]


def _level(steps: Sequence[int], value: float, name: str) -> go.Scatter:
    """A thin horizontal line across a panel, as a reference for curves."""
    ends = [min(steps), max(steps)]
    style = {"color": GREY, "dash": "dot", "width": 1.5}
    return go.Scatter(
        x=ends,
        y=np.full(2, value),
        name=name,
        mode="lines",
        line=style,
        hoverinfo="skip",
        showlegend=True,
    )


def _steps(name: str, log: pd.DataFrame) -> str:
    """The title of an x axis, with the number of rows per point where it is not one."""
    rows = rows_per_point(len(log))
    return name if rows == 1 else f"{name} (each point the mean of {rows})"
