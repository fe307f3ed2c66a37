"""Where the position error lies, before and after post-training: by joint, by activity, over a window."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.error_profile import DIFFERENCE
from motiongrpo.viz.figures.palette import BLUE, TEMPLATE, VERMILLION, line_style

MODELS = {"pretrained": BLUE, "post-trained": VERMILLION}
SYMBOLS = {"pretrained": "circle", "post-trained": "diamond"}
ROW_PX = 30
APART = 0.17  # of a row, from its middle
ERROR = "mean error of position, mm"


def error_by_joint(profile: pd.DataFrame) -> go.Figure:
    """A row a joint, from the head down."""
    return _rows(profile, "joint", "Error by joint", _from_the_head_down(profile))


def error_by_activity(profile: pd.DataFrame) -> go.Figure:
    """A row an activity; a sequence of several counts under each of them."""
    rows = profile[(profile["by"] == "activity") & (profile["model"] == DIFFERENCE)]
    names = {str(row["name"]): f"{row['name']} ({row['sequences']})" for _, row in rows.iterrows()}
    return _rows(profile, "activity", "Error by activity (number of sequences)", names)


def error_over_time(profile: pd.DataFrame) -> go.Figure:
    """The error at every moment of a window, with its interval."""
    layout = _layout("Error over a window", 380, {"title": {"text": "time into the window, s"}})
    layout["yaxis"] = {"title": {"text": ERROR}, "rangemode": "tozero"}
    figure = go.Figure(layout=layout)
    difference = _of(profile, "seconds", DIFFERENCE)
    for number, (model, colour) in enumerate(MODELS.items()):
        part = _of(profile, "seconds", model)
        x = part["name"].astype(float).to_numpy()
        band = np.concatenate([part["high"], part["low"][::-1]])
        if not np.isnan(band).any():
            figure.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=band,
                fill="toself",
                fillcolor=colour,
                opacity=0.2,
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            x=x,
            y=part["mean"],
            name=model,
            mode="lines",
            line={**line_style(number), "width": 2},
            text=_hover(part, difference, model),
            hovertemplate="%{x:.2f} s: %{text}<extra></extra>",
        )
    return figure


def _rows(profile: pd.DataFrame, by: str, title: str, names: dict[str, str]) -> go.Figure:
    """Two points with their intervals in each row; filled where the paired difference is not zero."""
    order = list(names)
    layout = _layout(title, 150 + ROW_PX * len(order), {"title": {"text": ERROR}, "rangemode": "tozero"})
    ticks = {"tickvals": list(range(len(order))), "ticktext": [names[name] for name in order]}
    layout["yaxis"] = {"range": [len(order) - 0.5, -0.5], **ticks}
    figure = go.Figure(layout=layout)
    difference = _of(profile, by, DIFFERENCE).loc[order]
    clear = (difference["low"] > 0) | (difference["high"] < 0)
    for offset, (model, colour) in zip((-APART, APART), MODELS.items(), strict=True):
        part = _of(profile, by, model).loc[order]
        symbols = [SYMBOLS[model] + ("" if filled else "-open") for filled in clear]
        mark = {"color": colour, "symbol": SYMBOLS[model], "size": 9}
        figure.add_scatter(x=[None], y=[None], name=model, mode="markers", marker=mark)  # for the legend
        figure.add_scatter(
            x=part["mean"],
            y=np.arange(len(order)) + offset,
            mode="markers",
            showlegend=False,
            marker={"color": colour, "symbol": symbols, "size": 9},
            error_x={
                "symmetric": False,
                "array": part["high"] - part["mean"],
                "arrayminus": part["mean"] - part["low"],
                "color": colour,
                "thickness": 1.5,
            },
            text=_hover(part, difference, model),
            customdata=[names[name] for name in order],
            hovertemplate="%{customdata}: %{text}<extra></extra>",
        )
    return figure


def _layout(title: str, height: int, x_axis: dict[str, Any]) -> dict[str, Any]:
    return {
        "template": TEMPLATE,
        "height": height,
        "margin": {"t": 72, "b": 56},
        "title": {"text": f"<b>{title}</b>", "x": 0, "xref": "container", "y": 0.98, "yanchor": "top"},
        "title_font_size": 14,
        "xaxis": x_axis,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }


def _of(profile: pd.DataFrame, by: str, model: str) -> pd.DataFrame:
    """The rows of one profile and model, by name."""
    part = profile[(profile["by"] == by) & (profile["model"] == model)]
    return pd.DataFrame(part).set_index("name", drop=False)


def _hover(part: pd.DataFrame, difference: pd.DataFrame, model: str) -> list[str]:
    """The mean with its interval, and the paired difference with its own."""
    return [
        f"{model} {_with_interval(part.loc[[name]], '.4g')}"
        f"<br>paired difference {_with_interval(difference.loc[[name]], '+.3g')}"
        for name in part.index
    ]


def _with_interval(row: pd.DataFrame, form: str) -> str:
    mean, low, high = row[["mean", "low", "high"]].to_numpy()[0]
    interval = "" if np.isnan(low) else f" [{low:{form}}, {high:{form}}]"
    return f"{mean:{form}} mm{interval}"


def _from_the_head_down(profile: pd.DataFrame) -> dict[str, str]:
    names = _of(profile, "joint", DIFFERENCE)["name"].tolist()
    return {name: name for name in sorted(names, key=_height)}


def _height(name: str) -> tuple[int, str]:
    """Joints of a body from its head to its toes, left beside right."""
    order = ("head", "neck", "collar", "shoulder", "elbow", "wrist", "spine3", "spine2", "spine1")
    order += ("pelvis", "hip", "knee", "ankle", "foot")
    return order.index(name.split()[-1]), name
