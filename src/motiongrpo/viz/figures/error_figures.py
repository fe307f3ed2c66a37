"""The position error before and after post-training, by joint, by activity and over a window."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.error_profile import DIFFERENCE
from motiongrpo.viz.figures.forest import Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import BLUE, TEMPLATE, VERMILLION, line_style

MODELS = {"pretrained": BLUE, "post-trained": VERMILLION}
SYMBOLS = {"pretrained": "circle", "post-trained": "diamond"}
ERROR = "mean error of position, mm"


def error_by_joint(profile: pd.DataFrame) -> go.Figure:
    """One row per joint, from the head down."""
    names = from_the_head_down(_of(profile, "joint", DIFFERENCE)["name"].tolist())
    return _rows(profile, "joint", "Error by joint", {name: name for name in names})


def error_by_activity(profile: pd.DataFrame) -> go.Figure:
    """One row per activity; a sequence of several activities counts for each."""
    rows = profile[(profile["by"] == "activity") & (profile["model"] == DIFFERENCE)]
    names = {str(row["name"]): f"{row['name']} ({row['sequences']})" for _, row in rows.iterrows()}
    return _rows(profile, "activity", "Error by activity (number of sequences)", names)


def from_the_head_down(joints: list[str]) -> list[str]:
    """Names of joints from the head to the toes, left next to right."""
    return sorted(joints, key=_height)


def error_over_time(profile: pd.DataFrame) -> go.Figure:
    """The error at every moment of a window, with its interval."""
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": 380,
            "margin": {"t": 72, "b": 56},
            "title": {"text": "<b>Error over a window</b>", "x": 0, "xref": "container", "y": 0.98},
            "title_font_size": 14,
            "xaxis": {"title": {"text": "time into the window, s"}},
            "yaxis": {"title": {"text": ERROR}, "rangemode": "tozero"},
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        }
    )
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
            hovertext=_hover(part, difference, model),
            hovertemplate="%{x:.2f} s: %{hovertext}<extra></extra>",
        )
    return figure


def _rows(profile: pd.DataFrame, by: str, title: str, names: dict[str, str]) -> go.Figure:
    """Two points with their intervals in each row; filled where the paired difference is not zero."""
    difference = _of(profile, by, DIFFERENCE).loc[list(names)]
    clear = (difference["low"] > 0) | (difference["high"] < 0)
    series = []
    for model, colour in MODELS.items():
        part = _of(profile, by, model).loc[list(names)]
        columns = part["mean"], part["low"], part["high"], _hover(part, difference, model), clear
        marks = [
            Mark(row, mean, low, high, f"{row}: {hover}", SYMBOLS[model] + ("" if filled else "-open"))
            for row, mean, low, high, hover, filled in zip(names.values(), *columns, strict=True)
        ]
        series.append(Series(model, colour, SYMBOLS[model], marks, size=9))
    return forest(title, Axis(ERROR), list(names.values()), series, apart=True)


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


def _height(name: str) -> tuple[int, str]:
    """Joints of a body from the head to the toes, left next to right."""
    order = ("head", "neck", "collar", "shoulder", "elbow", "wrist", "spine3", "spine2", "spine1")
    order += ("pelvis", "hip", "knee", "ankle", "foot")
    return order.index(name.split()[-1]), name
