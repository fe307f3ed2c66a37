"""Figures of a recovery: the head's path from above, its height, and band radii over time and by joint."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.head.path import HeadRecording, Touch
from motiongrpo.recovery.recovered import Recovered
from motiongrpo.viz.figures.palette import BLUE, GREY, ORANGE, PURPLE, SKY, TEMPLATE, VERMILLION

POINTS = 1500  # of a line
TOUCHES = {
    Touch.GAP: ("interpolated over a gap", ORANGE, "circle"),
    Touch.JITTER: ("jitters", SKY, "square"),
    Touch.FROZEN: ("frozen", PURPLE, "diamond"),
    Touch.TRACKING: ("poorly tracked, by its file", VERMILLION, "x"),
}
"""The label of a touched frame, and its marker."""


def path_from_above(recording: HeadRecording) -> go.Figure:
    """The head's path, one line per stretch, at the same scale along both axes."""
    figure = _figure("The head’s path from above", "x, m", "y, m", height=460)
    for number, stretch in enumerate(recording.stretches, start=1):
        few = _thin(len(stretch))
        x, y = stretch.T_world_cpf[few, 4:6].double().numpy().T
        name = "path" if len(recording.stretches) == 1 else f"stretch {number}"
        dash = ("solid", "dash", "dot", "dashdot")[(number - 1) % 4]
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines",
            line={"color": BLUE, "width": 2, "dash": dash},
            showlegend=number <= 4,
            customdata=stretch.source_s[few].numpy() - float(recording.stretches[0].source_s[0]),
            hovertemplate="%{customdata:.1f} s: x %{x:.2f} m, y %{y:.2f} m<extra></extra>",
        )
    start = recording.stretches[0].T_world_cpf[0, 4:6].tolist()
    figure.add_scatter(
        x=[start[0]],
        y=[start[1]],
        name="start",
        mode="markers",
        marker={"color": GREY, "size": 11, "symbol": "star"},
        hoverinfo="skip",
    )
    for bit, (what, colour, symbol) in TOUCHES.items():
        places = [s.T_world_cpf[(s.touched & int(bit)) != 0, 4:6] for s in recording.stretches]
        xy = np.concatenate([place.double().numpy() for place in places])
        if len(xy):
            xy = xy[_thin(len(xy))]
            figure.add_scatter(
                x=xy[:, 0],
                y=xy[:, 1],
                name=what,
                mode="markers",
                marker={"color": colour, "size": 5, "symbol": symbol},
                hoverinfo="skip",
            )
    figure.update_yaxes(scaleanchor="x", scaleratio=1)
    return figure


def height_over_time(recording: HeadRecording) -> go.Figure:
    """The height of the eyes above the floor, and the frames that were touched."""
    figure = _figure("Height of the eyes over the floor", "time, s", "height, m", height=300)
    for number, (time, stretch) in enumerate(zip(_times(recording), recording.stretches, strict=True)):
        few = _thin(len(stretch))
        figure.add_scatter(
            x=time[few],
            y=stretch.T_world_cpf[few, 6].double().numpy(),
            name="eyes",
            mode="lines",
            line={"color": BLUE, "width": 2},
            showlegend=number == 0,
            hovertemplate="%{x:.2f} s: %{y:.3f} m<extra></extra>",
        )
        for bit, (what, colour, symbol) in TOUCHES.items():
            touched = ((stretch.touched & int(bit)) != 0).numpy()
            if touched.any():
                where = np.flatnonzero(touched)[_thin(int(touched.sum()))]
                figure.add_scatter(
                    x=time[where],
                    y=stretch.T_world_cpf[where, 6].double().numpy(),
                    name=what,
                    mode="markers",
                    marker={"color": colour, "size": 5, "symbol": symbol},
                    showlegend=number == 0,
                    hoverinfo="skip",
                )
    figure.update_yaxes(rangemode="tozero")
    return figure


def doubt_over_time(found: Recovered, guess_m: float) -> go.Figure:
    """The 90 % radius over time: of the median joint, and of the least certain."""
    assert found.radius_90_m is not None
    radius = 1000 * found.radius_90_m.double().numpy()
    figure = _figure("How sure the body is", "time, s", "90 % radius, mm", height=320)
    lines = {
        "the least sure joint": (radius.max(1), VERMILLION, "dash"),
        "the middle joint": (np.median(radius, 1), BLUE, "solid"),
    }
    for what, (values, colour, dash) in lines.items():
        first = 0
        for number, time in enumerate(_times(found.recording)):
            few = first + _thin(len(time))
            figure.add_scatter(
                x=time[few - first],
                y=values[few],
                name=what,
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
                showlegend=number == 0,
                hovertemplate="%{x:.2f} s: %{y:.0f} mm<extra></extra>",
            )
            first += len(time)
    figure.add_hline(1000 * guess_m, line={"color": GREY, "dash": "dot"}, annotation_text="above: a guess")
    figure.update_yaxes(rangemode="tozero")
    return figure


def doubt_by_joint(found: Recovered, guess_m: float) -> go.Figure:
    """The 90 % radius of every joint: the median over frames, and the range of 90 % of frames."""
    assert found.radius_90_m is not None
    radius = 1000 * found.radius_90_m.double().numpy()
    low, middle, high = np.quantile(radius, [0.05, 0.5, 0.95], axis=0)
    order = np.argsort(middle)
    names = [Joint(int(joint)).name.lower().replace("_", " ") for joint in order]
    guesses = middle[order] > 1000 * guess_m
    colours, symbols = np.where(guesses, VERMILLION, BLUE), np.where(guesses, "diamond", "circle")
    figure = _figure("How sure each joint is", "90 % radius, mm", "", height=130 + 18 * BODY_JOINTS)
    figure.add_scatter(
        x=middle[order],
        y=names,
        mode="markers",
        marker={"color": colours, "size": 9, "symbol": symbols},
        error_x={
            "type": "data",
            "array": (high - middle)[order],
            "arrayminus": (middle - low)[order],
            "color": GREY,
            "thickness": 1.5,
        },
        hovertemplate="%{y}: %{x:.0f} mm<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(1000 * guess_m, line={"color": GREY, "dash": "dot"}, annotation_text="right: a guess")
    figure.update_xaxes(rangemode="tozero")
    return figure


def _figure(title: str, x: str, y: str, height: int) -> go.Figure:
    return go.Figure(
        layout={
            "template": TEMPLATE,
            "height": height,
            "margin": {"t": 72, "b": 56},
            "title": {"text": f"<b>{title}</b>", "x": 0, "xref": "container", "y": 0.98},
            "title_font_size": 14,
            "xaxis": {"title": {"text": x}},
            "yaxis": {"title": {"text": y}},
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        }
    )


def _times(recording: HeadRecording) -> list[Float[ndarray, " frame"]]:
    """Seconds from the recording's start for the frames of each stretch."""
    start = float(recording.stretches[0].source_s[0])
    return [stretch.source_s.double().numpy() - start for stretch in recording.stretches]


def _thin(count: int) -> ndarray:
    """Indices of at most `POINTS` of `count` points, evenly spaced, including both ends."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))
