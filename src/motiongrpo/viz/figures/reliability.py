"""Reliability of bands: the share of held-out joints inside them, against the nominal share."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.metrics.band_calibration import CALIBRATED, UNCALIBRATED
from motiongrpo.viz.figures.error_figures import from_the_head_down
from motiongrpo.viz.figures.forest import Axis, Mark, Series, forest
from motiongrpo.viz.figures.palette import BLUE, GREY, TEMPLATE, VERMILLION, line_style

BANDS = {CALIBRATED: (BLUE, "circle"), UNCALIBRATED: (VERMILLION, "diamond")}
LEVEL = 0.9  # shown in the figure by joint


def reliability_figure(band_reliability: pd.DataFrame) -> go.Figure:
    """Observed against nominal share of joints inside, in percent, with intervals, and for every person."""
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": 420,
            "margin": {"t": 72, "b": 56},
            "title": {"text": "<b>Joints inside their bands</b>", "x": 0, "xref": "container", "y": 0.98},
            "title_font_size": 14,
            "xaxis": {"title": {"text": "share that a band is to hold, %"}, "range": (45, 100)},
            "yaxis": {"title": {"text": "held-out joints inside, %"}, "range": (-2, 102)},
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        }
    )
    if band_reliability.empty:
        return figure
    ideal = {"color": GREY, "dash": "dot", "width": 1.5}
    ends = [0, 100]
    figure.add_scatter(x=ends, y=ends, name="as meant", mode="lines", line=ideal, hoverinfo="skip")
    figure.add_trace(_people(band_reliability))
    for number, band in enumerate(BANDS):
        figure.add_trace(_overall(band_reliability, band, number))
    return figure


def reliability_by_joint(band_reliability: pd.DataFrame) -> go.Figure:
    """One row per joint, from the head down: the share inside its 90 % band, and the band's mean radius."""
    if band_reliability.empty:
        return go.Figure(layout={"template": TEMPLATE})
    rows = _part(band_reliability, CALIBRATED, "joint").query("level == @LEVEL").set_index("name", drop=False)
    names = from_the_head_down(rows["name"].tolist())
    marks = [_mark(rows.loc[[name]]) for name in names]
    series = [Series("calibrated", BLUE, "circle", marks, size=9)]
    axis = Axis("held-out joints inside, %", reference=100 * LEVEL)
    labels = [mark.row for mark in marks]
    return forest(f"Joints inside their {LEVEL:.0%} bands (mean radius)", axis, labels, series)


def _part(table: pd.DataFrame, band: str, by: str) -> pd.DataFrame:
    return pd.DataFrame(table[(table["band"] == band) & (table["by"] == by)])


def _mark(row: pd.DataFrame) -> Mark:
    record = row.to_dict(orient="records")[0]
    inside, low, high = (100 * record[name] for name in ("inside", "low", "high"))
    label = f"{record['name']} ({record['radius_mm']:.0f} mm)"
    hover = f"{label}: {inside:.1f} %" + ("" if np.isnan(low) else f" [{low:.1f}, {high:.1f}]")
    return Mark(label, inside, low, high, hover)


def _people(table: pd.DataFrame) -> go.Scatter:
    """A faint mark per person and level."""
    people = _part(table, CALIBRATED, "person")
    return go.Scatter(
        x=100 * people["level"],
        y=100 * people["inside"],
        name="each person",
        mode="markers",
        marker={"color": BLUE, "symbol": "line-ew-open", "size": 12, "opacity": 0.6},
        hovertext=people["name"],
        hovertemplate="%{hovertext}: %{y:.1f} %<extra></extra>",
    )


def _overall(table: pd.DataFrame, band: str, number: int) -> go.Scatter:
    colour, symbol = BANDS[band]
    rows = _part(table, band, "all").sort_values("level")
    inside = 100 * rows["inside"].to_numpy()
    low, high = 100 * rows["low"].to_numpy(), 100 * rows["high"].to_numpy()
    interval = ["" if np.isnan(a) else f" [{a:.1f}, {b:.1f}]" for a, b in zip(low, high, strict=True)]
    radius = [f"{mm:.0f} mm" for mm in rows["radius_mm"]]
    return go.Scatter(
        x=100 * rows["level"],
        y=inside,
        name=band,
        mode="lines+markers",
        line={**line_style(number), "width": 2},
        marker={"color": colour, "symbol": symbol, "size": 9},
        error_y={
            "symmetric": False,
            "array": high - inside,
            "arrayminus": inside - low,
            "color": colour,
            "thickness": 1.2,
            "visible": not np.isnan(low).any(),
        },
        customdata=np.array([interval, radius]).T,
        hovertemplate="%{y:.1f} %%{customdata[0]}, mean radius %{customdata[1]}<extra></extra>",
    )
