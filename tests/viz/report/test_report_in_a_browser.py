"""The report in a browser: no errors, no requests, clips that play, and a layout that fits a phone."""

import pytest

from motiongrpo.viz.report.runs import runs_figure, runs_html
from tests.browser import Browser, browser, needs_chromium
from tests.viz.pages import HOSTILE, page
from tests.viz.report.test_runs import CONTENDERS
from tests.viz.scenes import scene

pytestmark = needs_chromium
PHONE, DESK = 390, 1280
PLOTS = "[...document.querySelectorAll('.plot')]"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(run=HOSTILE, reason=HOSTILE, sentence=HOSTILE), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def visible_lines(chromium: Browser) -> int:
    """The number of drawn pixels of the first clip."""
    return chromium.evaluate(
        """(() => {
            const canvas = document.querySelector("figure.clip canvas");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
        })()"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_is_complained_of_and_nothing_is_asked_for(chromium, report, width, scheme):
    chromium.open(report, width, scheme=scheme)
    chromium.wait_for(f"{PLOTS}.every(plot => plot.querySelector('.main-svg'))")
    chromium.evaluate("document.querySelector('figure.clip button').click()")
    chromium.wait_for("Number(document.querySelector('figure.clip input').value) > 2")
    assert chromium.complaints() == []
    assert chromium.requests() == [report.as_uri()]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_report_of_a_run_opens_the_same_way_with_every_figure_and_clip(chromium, smoke_run, width):
    path = smoke_run[0] / "08_reporting/smoke/report.html"
    chromium.open(path, width)
    assert chromium.evaluate(f"{PLOTS}.length") == 9
    chromium.wait_for(f"{PLOTS}.every(plot => plot.querySelector('.main-svg'))")
    for what in (".gtitle, .annotation", ".xtitle", ".legend .legendtext"):  # a title, an axis, a legend
        texts = chromium.evaluate(f"{PLOTS}.map(plot => plot.querySelector('{what}')?.textContent)")
        assert all(texts), (what, texts)
    assert chromium.evaluate("document.querySelectorAll('figure.clip').length") == 3
    assert chromium.evaluate("document.scrollingElement.scrollWidth") <= width
    assert chromium.complaints() == []
    assert chromium.requests() == [path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_page_that_compares_runs_opens_the_same_way(chromium, tmp_path, width, scheme):
    path = tmp_path / "runs.html"
    path.write_text(runs_html(CONTENDERS, runs_figure(CONTENDERS)), encoding="utf-8")
    chromium.open(path, width, scheme=scheme)
    chromium.wait_for(f"{PLOTS}.length === 1 && {PLOTS}[0].querySelector('.main-svg') !== null")
    chromium.evaluate("[...document.querySelectorAll('.term')].at(-1).focus()")
    shown = "[...document.querySelectorAll('.term .definition')].at(-1).getBoundingClientRect().width"
    assert chromium.evaluate(shown) > 100
    assert chromium.evaluate("document.scrollingElement.scrollWidth") <= width
    assert chromium.complaints() == []
    assert chromium.requests() == [path.as_uri()]


@pytest.mark.parametrize("width", [360, PHONE, 700, DESK])
def test_no_width_makes_the_page_scroll_sideways(chromium, report, width):
    chromium.open(report, width)
    chromium.wait_for(f"{PLOTS}.every(plot => plot.querySelector('.main-svg'))")
    assert chromium.evaluate("document.scrollingElement.scrollWidth") <= width
    assert visible_lines(chromium) > 1000


def test_every_row_of_a_forest_plot_is_named_and_has_its_marks(chromium, report):
    """Plotly would otherwise infer the type of the axis, and draw no marks."""
    chromium.open(report, DESK)
    for figure, rows, marks in (("comparison-figure", 2, 2), ("errors-1", 22, 44)):
        plot = f"document.getElementById('{figure}')"
        chromium.wait_for(f"{plot}.querySelector('.main-svg')")
        names = chromium.evaluate(f"[...{plot}.querySelectorAll('.ytick')].map(tick => tick.textContent)")
        assert len(names) == rows, names
        assert chromium.evaluate(f"{plot}.querySelectorAll('.scatterlayer .points path').length") == marks
        assert chromium.evaluate(f"{plot}.querySelectorAll('.scatterlayer .errorbar').length") == marks


def test_a_clip_shows_its_first_frame_plays_stops_and_can_be_scrubbed(chromium, report):
    chromium.open(report, DESK)
    clock = "document.querySelector('figure.clip output').textContent"
    button = "document.querySelector('figure.clip button')"
    assert chromium.evaluate(clock) == "0.00 of 0.77 s"
    assert chromium.evaluate("document.querySelector('figure.clip input').max") == str(len(scene()) - 1)
    poster = visible_lines(chromium)
    assert poster > 1000
    chromium.evaluate(f"{button}.click()")
    chromium.wait_for(f"{clock} !== '0.00 of 0.77 s'")
    assert "Pause" in chromium.evaluate(f"{button}.textContent")
    chromium.evaluate(
        "(() => { const scrub = document.querySelector('figure.clip input'); scrub.value = 12;"
        " scrub.dispatchEvent(new Event('input')); })()"
    )
    assert chromium.evaluate(clock) == "0.40 of 0.77 s"
    assert "Play" in chromium.evaluate(f"{button}.textContent")
    assert visible_lines(chromium) != poster


def test_the_page_takes_the_colours_that_the_reader_wants(chromium, report):
    paper = []
    for scheme in ("light", "dark"):
        chromium.open(report, DESK, scheme=scheme)
        paper.append(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert paper == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_definition_is_seen_when_its_metric_is_reached_and_stays_on_the_page(chromium, report, width):
    chromium.open(report, width)
    definition = "document.querySelector('.term .definition')"
    assert chromium.evaluate(f"getComputedStyle({definition}).display") == "none"
    chromium.evaluate("document.querySelector('.term').focus()")
    assert chromium.evaluate(f"getComputedStyle({definition}).display") == "block"
    edges = chromium.evaluate(f"(({{left, right}}) => [left, right])({definition}.getBoundingClientRect())")
    assert 0 <= edges[0] < edges[1] <= width


def test_a_page_that_asks_for_something_is_caught(chromium, tmp_path):
    """The check can fail: an image from elsewhere is refused by the policy, with a message."""
    path = tmp_path / "leaky.html"
    path.write_text(page().replace("</main>", '<img src="http://192.0.2.1/x.png"></main>'), encoding="utf-8")
    chromium.open(path, DESK)
    assert any("Content Security Policy" in complaint for complaint in chromium.complaints())
