"""The report: one page that holds everything it shows and asks for nothing outside itself.

A content security policy in the page makes the browser refuse every request, so a report can be mailed and
opened anywhere.
"""

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from motiongrpo.metrics.bootstrap import CONFIDENCE
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.findings import Finding
from motiongrpo.viz.paired import Interval, Paired
from motiongrpo.viz.player import SKELETON, player_scene
from motiongrpo.viz.scene import Scene
from motiongrpo.viz.tables import Row

TINY = 1e-3


@dataclass(frozen=True)
class RunFacts:
    """What ran."""

    run: str
    stages: list[Row]  # stage, steps, seed, code_version, weights, body, parameters (name, value)
    settings: list[Row]  # name, value: what is configured now for the stages that keep no record
    versions: dict[str, str]  # of the software that made the report


@dataclass(frozen=True)
class DataFacts:
    """What the motion was."""

    hours: list[Row]  # split, source, licence, sequences, subjects, seconds
    verdicts: list[Row]  # verdict, files, seconds
    refused: list[Row]  # reason, files
    files: list[Row]  # file, verdict, reason


@dataclass(frozen=True)
class Results:
    """What came of it."""

    pairs: list[Paired]
    findings: list[Finding]
    examination: list[Row]  # against, pair_accuracy by severity, spearman
    worst: list[Row]  # windows: sequence, activity, start, before, after


@dataclass(frozen=True)
class Figures:
    """What there is to see."""

    curves: dict[str, go.Figure]  # by heading, in the order of the page
    errors: dict[str, go.Figure]  # by heading, in the order of the page
    comparison: go.Figure
    scenes: list[Scene]
    motion: bytes  # PNG


def report_html(run: RunFacts, data: DataFacts, results: Results, figures: Figures) -> str:
    """The whole page as text."""
    template = _environment().get_template("report.html.j2")
    return template.render(
        run=run,
        data=data,
        results=results,
        metrics=METRICS,
        confidence=CONFIDENCE,
        figures={heading: _plain(figure) for heading, figure in figures.curves.items()},
        errors={heading: _plain(figure) for heading, figure in figures.errors.items()},
        comparison=_plain(figures.comparison),
        scenes=[player_scene(scene) for scene in figures.scenes],
        skeleton=SKELETON,
        motion=base64.b64encode(figures.motion).decode("ascii"),
        plotly_js=Markup(get_plotlyjs()),  # trusted: it comes with the plotly package
        player_js=_own("player.js"),
        css=_own("report.css"),
    )


def severities(examination: Sequence[Row]) -> list[float]:
    """Every severity that occurs in an examination, rising."""
    return sorted({severity for row in examination for severity in row["pair_accuracy"]})


def number(value: float) -> str:
    """Four significant digits, two of what is tiny; a dash where there is no value."""
    return "–" if math.isnan(value) else f"{value:.1e}" if 0 < abs(value) < TINY else f"{value:.4g}"


def signed(value: float) -> str:
    """A number with its sign."""
    return number(value) if math.isnan(value) or value < 0 else f"+{number(value)}"


def bounds(interval: Interval, show: Callable[[float], str] = number) -> str:
    """The interval in brackets, nothing where there is none."""
    return "" if math.isnan(interval.low) else f"[{show(interval.low)}, {show(interval.high)}]"


def correlation(value: float) -> str:
    """Two digits with a sign; nothing where there is no value."""
    return "" if math.isnan(value) else f"{value:+.2f}"


def breakable(name: str) -> Markup:
    """A name that a narrow table may break after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def duration(seconds: float) -> str:
    """Hours from one hour on, minutes below."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("motiongrpo", "viz"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"number": number, "signed": signed, "bounds": bounds, "duration": duration}
    environment.filters |= {"correlation": correlation, "breakable": breakable}
    environment.globals |= {"severities": severities, "signed": signed}
    return environment


def _own(name: str) -> Markup:
    """A file of this package, as it is."""
    return Markup(files("motiongrpo.viz").joinpath(name).read_text(encoding="utf-8"))


def _plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as JSON can hold it; the template escapes it on its way into the page."""
    return json.loads(str(figure.to_json()))
