"""The figure of the diversity study: spread, rewards, their causes, and the agreement of gradients."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.viz.figures.palette import GREY, line_style
from motiongrpo.viz.figures.panels import Panel, stacked

NOISE = "λ, root mean square of the noise on the head's position, m"
PERCENT = 100.0
SCOPES = {"group": "one track a group", "nested": "nested tracks", "sample": "one track a sample"}
LATENTS = {"own": "own initial noise", "shared": "shared initial noise"}
SAMPLERS = {
    "ddim": "consistent, η = 1",
    "egoallo": "EgoAllo's",
    "egoallo_without_offset": "EgoAllo's without 0.1",
}
SHIFT = 1.025  # of neighbouring points along a logarithmic axis, so that intervals do not overlap


@dataclass(frozen=True)
class Shown:
    """A quantity of the table and its presentation in a panel."""

    quantity: str
    of: str
    title: str
    y_title: str
    scale: float = 1.0


SHOWN = (
    Shown("spread_mm", "all", "Distance between samples of a group", "mean distance, mm"),
    Shown(
        "reward_std", "mean", "Deviation of rewards within a group", "standard deviation, mean over rewards"
    ),
    Shown("action_share", "mean", "Reward variance that actions caused", "share, %", PERCENT),
    Shown("gradient_cosine", "all", "Agreement of gradients of two updates", "cosine"),
)


def diversity_figure(evidence: pd.DataFrame) -> go.Figure:
    """Four quantities against λ by scope on the main chain; three of them for every chain without noise."""
    sampler, latent = evidence[["sampler", "latent"]].iloc[0]
    main = evidence[(evidence["sampler"] == sampler) & (evidence["latent"] == latent)]
    by_noise = [
        Panel(shown.title, NOISE, shown.y_title, against_noise(rows_of(main, shown), shown))
        for shown in SHOWN
    ]
    chains = [
        Panel(
            f"{shown.title}: without noise",
            "sampler, initial noise",
            shown.y_title,
            by_chain(rows_of(evidence, shown), shown),
        )
        for shown in SHOWN
        if shown.quantity != "action_share"
    ]
    figure = stacked([*by_noise, *chains])
    amplitudes = sorted(main.loc[main["noise"] != "none", "amplitude_m"].unique())
    marks = {"type": "log", "tickvals": amplitudes, "ticktext": [f"{m:g}" for m in amplitudes]}
    for number in range(1, len(by_noise) + 1):
        figure.layout[f"xaxis{'' if number == 1 else number}"].update(marks)
    return figure


def rows_of(table: pd.DataFrame, shown: Shown) -> pd.DataFrame:
    """The rows of one quantity."""
    return pd.DataFrame(table[(table["quantity"] == shown.quantity) & (table["of"] == shown.of)])


def against_noise(rows: pd.DataFrame, shown: Shown) -> list[go.Scatter]:
    """A line per scope with intervals, white noise as open markers, and a band for no noise."""
    lines: list[go.Scatter] = []
    for index, (scope, name) in enumerate(SCOPES.items()):
        for noise in ("perlin", "white"):
            chosen = rows[(rows["scope"] == scope) & (rows["noise"] == noise)].sort_values("amplitude_m")
            if not chosen.empty:
                x = chosen["amplitude_m"].to_numpy() * SHIFT ** (index - 1 + 3 * (noise == "white"))
                lines.append(_points(x, chosen, shown, f"{name}{', white' * (noise == 'white')}", index))
    ends = [rows["amplitude_m"][rows["noise"] != "none"].min() / 1.2, rows["amplitude_m"].max() * 1.2]
    return [*_baseline(rows[rows["noise"] == "none"].iloc[0], ends, shown), *lines]


def by_chain(rows: pd.DataFrame, shown: Shown) -> list[go.Scatter]:
    """A point per sampler, one colour per latent."""
    quiet = rows[rows["noise"] == "none"]
    lines = []
    for index, (latent, name) in enumerate(LATENTS.items()):
        chosen = quiet[quiet["latent"] == latent]
        if not chosen.empty:
            x = (chosen["sampler"].map(SAMPLERS) + f"<br>{latent}").to_numpy()
            line = _points(x, chosen, shown, name, index)
            lines.append(line.update(mode="markers"))
    return lines


def _points(x: np.ndarray, rows: pd.DataFrame, shown: Shown, name: str, index: int) -> go.Scatter:
    style, white = line_style(index), rows["noise"].iloc[0] == "white"
    y, low, high = (rows[column].to_numpy() * shown.scale for column in ("value", "low", "high"))
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="markers" if white else "lines+markers",
        line={**style, "width": 2},
        marker={"color": style["color"], "size": 8, "symbol": "diamond-open" if white else "circle"},
        error_y=_whiskers(y, low, high, style["color"]),
        customdata=np.stack([low, high, rows["amplitude_m"].to_numpy()], axis=1),
        hovertemplate=f"{name}, λ = %{{customdata[2]}} m: %{{y:.3g}} [%{{customdata[0]:.3g}}, "
        "%{customdata[1]:.3g}]<extra></extra>",
        showlegend=True,
    )


def _whiskers(y: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> dict[str, Any]:
    return {
        "symmetric": False,
        "array": np.maximum(high - y, 0),
        "arrayminus": np.maximum(y - low, 0),
        "color": colour,
        "thickness": 1.2,
    }


def _baseline(row: pd.Series, ends: list[float], shown: Shown) -> list[go.Scatter]:
    """The value without noise as a line, its interval as a band."""
    value, low, high = (float(row[column]) * shown.scale for column in ("value", "low", "high"))
    band = go.Scatter(
        x=[*ends, *reversed(ends)],
        y=[low, low, high, high],
        fill="toself",
        fillcolor="rgba(128,128,128,0.2)",
        line={"width": 0},
        mode="lines",
        name="no noise, 95 % interval as the bars",
        hoverinfo="skip",
        showlegend=True,
    )
    style = {"color": GREY, "dash": "dot", "width": 1.5}
    hover = f"no noise: {value:.3g} [{low:.3g}, {high:.3g}]<extra></extra>"
    line = go.Scatter(
        x=ends, y=[value] * 2, name="no noise", mode="lines", line=style, hovertemplate=hover, showlegend=True
    )
    return [band, line]
