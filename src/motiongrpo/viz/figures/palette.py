"""Colours and the look of every figure.

Okabe and Ito's colours (jfly.uni-koeln.de/color) can be distinguished with any colour vision. Their black and
yellow are left out: black would vanish on a dark page, yellow on a light one.
"""

from itertools import cycle, islice

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
GREY = "#787878"  # readable on white and on black
FAINT = "rgba(128,128,128,0.25)"

LINES = (
    (BLUE, "solid"),
    (VERMILLION, "dash"),
    (GREEN, "dot"),
    (PURPLE, "dashdot"),
    (ORANGE, "longdash"),
    (SKY, "longdashdot"),
)
"""Colour and dash of the lines of a panel, in order; the dash distinguishes them without colour vision."""

OUTCOME_COLOURS = {"better": BLUE, "worse": VERMILLION, "undecided": GREY, "not judged": GREY}

_AXIS = go.layout.XAxis(
    gridcolor=FAINT, linecolor=FAINT, zerolinecolor=GREY, zeroline=False, automargin=True, title_font_size=12
).to_plotly_json()

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": GREY},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 60, "r": 16, "t": 16, "b": 56},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hovermode": "closest",
        "dragmode": False,  # a finger on a phone scrolls the page
    }
)
"""Transparent, with grey text: one figure for light and dark pages."""


RGB = tuple[int, int, int]


def rgb(colour: str) -> RGB:
    """`#rrggbb` as three numbers from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def line_style(index: int) -> dict[str, str]:
    """Colour and dash of line number `index` of a panel."""
    colour, dash = next(islice(cycle(LINES), index, None))
    return {"color": colour, "dash": dash}
