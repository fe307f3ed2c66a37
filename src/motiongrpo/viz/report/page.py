"""Rendering of self-contained HTML pages, which load nothing from outside.

A content security policy makes the browser refuse every request, so a page can be mailed and opened anywhere.
"""

import json
import math
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from motiongrpo.metrics.bootstrap import CONFIDENCE
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.report.metric_change import Interval

TINY = 1e-3


def render(template: str, **content: Any) -> str:
    """A page as text, from a template that extends `page.html.j2`; figures are drawn by `plot`."""
    environment = Environment(
        loader=PackageLoader("motiongrpo", "viz/report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {show.__name__: show for show in (number, signed, bounds, duration)}
    environment.filters |= {show.__name__: show for show in (correlation, breakable, plain)}
    environment.globals |= {"metrics": METRICS, "confidence": CONFIDENCE, "signed": signed, "own": own}
    plotly_js = Markup(get_plotlyjs())  # trusted, since it comes with the plotly package
    return environment.get_template(template).render(plotly_js=plotly_js, **content)


def own(name: str) -> Markup:
    """A style sheet or script of this package, unchanged."""
    return Markup(files("motiongrpo.viz.report").joinpath(name).read_text(encoding="utf-8"))


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as plain JSON; the template escapes it."""
    return json.loads(str(figure.to_json()))


def number(value: float) -> str:
    """Four significant digits, or two for tiny values; a dash where there is no value."""
    return "–" if math.isnan(value) else f"{value:.1e}" if 0 < abs(value) < TINY else f"{value:.4g}"


def signed(value: float) -> str:
    """A number with its sign."""
    return number(value) if math.isnan(value) or value < 0 else f"+{number(value)}"


def bounds(interval: Interval, show: Callable[[float], str] = number) -> str:
    """The interval in brackets; empty where there is none."""
    return "" if math.isnan(interval.low) else f"[{show(interval.low)}, {show(interval.high)}]"


def correlation(value: float) -> str:
    """Two digits with a sign; empty where there is no value."""
    return "" if math.isnan(value) else f"{value:+.2f}"


def breakable(name: str) -> Markup:
    """A name that a narrow table may break after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def duration(seconds: float) -> str:
    """A duration in hours from one hour on, in minutes below."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
