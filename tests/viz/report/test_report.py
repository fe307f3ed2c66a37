"""The report: its numbers are those of the tables, it loads nothing, and names cannot break it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motiongrpo.viz.report.metric_change import Interval
from motiongrpo.viz.report.page import bounds, duration, number, signed
from tests.viz.pages import HOSTILE, page
from tests.viz.runs import comparison, final, improved, with_constant_pose
from tests.viz.scenes import OFF_M, scene

FETCHING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping"}


class Page(HTMLParser):
    """A parser that collects tags with attributes, and the text of cells and style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[str]] = []
        self.styles = ""
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag):
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        if "style" in self.inside:
            self.styles += data
        elif {"td", "th"} & set(self.inside):
            self.cells[-1][-1] += data


@pytest.fixture(scope="module")
def plain() -> str:
    return page()


def test_no_tag_makes_a_browser_fetch_anything(plain):
    for tag, attributes in Page(plain).tags:
        fetched = {name: value for name, value in attributes.items() if name in FETCHING}
        if tag in ("link", "image", "use"):
            fetched |= {name: attributes[name] for name in ("href", "xlink:href") if name in attributes}
        assert all(value.startswith("data:") for value in fetched.values()), (tag, fetched)


def test_no_link_leaves_the_page_and_no_style_is_imported(plain):
    found = Page(plain)
    assert all(a["href"].startswith("#") for tag, a in found.tags if tag == "a")
    assert "@import" not in found.styles
    assert "url(" not in found.styles


def test_the_page_forbids_the_browser_every_request(plain):
    policies = [a["content"] for _, a in Page(plain).tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'"
    assert all(
        source.startswith(("'", "data:", "blob:")) for rule in rules.values() for source in rule.split()
    )


def test_the_table_has_the_numbers_of_the_comparison(plain):
    cells = {row[0].split()[0]: row for row in Page(plain).cells if row}
    for metric, rows in final(improved()).groupby("metric"):
        before, after = (rows[rows["stage"] == stage].iloc[0] for stage in ("pretraining", "grpo"))
        _, pretrained, trained, difference = (re.findall(r"[+-]?[\d.]+", text) for text in cells[metric])
        assert pretrained == [f"{before[name]:.4g}" for name in ("mean", "low", "high")]
        assert trained == [f"{after[name]:.4g}" for name in ("mean", "low", "high")]
        columns = ("difference", "difference_low", "difference_high")
        assert difference == [f"{after[name]:+.4g}" for name in columns]


def test_sources_have_a_table_of_their_own_where_there_are_several(plain):
    assert 'id="sources"' not in plain
    cells = Page(page(sources=(HOSTILE, "home"))).cells
    heads = [row[0] for row in cells if len(row) == 1]
    told = "96 windows, 32 sequences, 8 subjects; intervals over sequences"
    assert heads == [f"{HOSTILE}: {told}", f"home: {told}"]
    assert len([row for row in cells if row and row[0] == "mpjpe_mm"]) == 2


def test_metrics_of_print_stand_below_the_textbook_under_a_heading_of_their_own():
    change = (1.0, (-0.5, -0.6, -0.4))
    mixed = comparison(mpjpe_mm=change, contact_f1=change, egoallo_gnd=change, paper_mpjre_deg=change)
    names = [row[0].split()[0] for row in Page(page(table=mixed)).cells[1:6]]
    assert names == ["mpjpe_mm", "contact_f1", "For", "egoallo_gnd", "paper_mpjre_deg"]


def test_every_metric_explains_itself_to_a_mouse_a_keyboard_and_a_finger(plain):
    terms = [attributes for tag, attributes in Page(plain).tags if attributes.get("class") == "term"]
    assert [term["tabindex"] for term in terms] == ["0"] * 3
    rows = [row[0] for row in Page(plain).cells if row and row[0].startswith("mpjpe_mm")]
    assert "Mean distance of the 22 body joints in the world, without alignment." in rows[0]


def test_warnings_stand_together_under_their_own_heading(plain):
    assert "Failures and warnings" in plain
    assert "No failure and no warning" in page(tone="note")


def test_refused_files_are_counted_by_reason(plain):
    assert ["reason", "files"] in Page(plain).cells
    assert ["too short", "1"] in Page(plain).cells


def test_every_clip_has_its_joints_its_contacts_and_its_own_error_at_every_moment(plain):
    found = [
        json.loads(text)
        for text in re.findall(r'<script type="application/json">(.*?)</script>', plain, re.S)
    ]
    assert len(found) == 3
    truth, guess = found[0]["motions"]
    assert (truth["name"], guess["name"]) == ("truth", "guess")
    assert truth["error"] == [[0]] * len(scene())
    assert guess["error"] == [[round(1000 * OFF_M * 3**0.5)]] * len(scene())
    joints = scene().truth.p_world_joint.flatten(1)
    assert_allclose(np.array(truth["joints"]) / 1000, joints, rtol=0, atol=0.51e-3)
    touching = [[bits >> joint & 1 for joint in range(21)] for bits in truth["contacts"]]
    assert torch.equal(torch.tensor(touching).bool(), scene().truth.contacts)


@pytest.mark.parametrize("field", ["run", "file", "reason", "sentence"])
def test_a_hostile_name_stays_text(plain, field):
    tags = [tag for tag, _ in Page(page(**{field: HOSTILE})).tags]
    assert tags == [tag for tag, _ in Page(plain).tags]


def test_a_hostile_file_name_is_shown_as_it_is():
    cells = [cell for row in Page(page(file=HOSTILE)).cells for cell in row]
    assert f"{HOSTILE}.bvh" in cells


def test_every_figure_is_in_the_page_as_data(plain):
    sources = re.findall(
        r'<script type="application/json" data-for="([^"]*)">(.*?)</script>', plain, re.DOTALL
    )
    figures = {name: json.loads(text) for name, text in sources}
    assert figures.keys() == {"comparison-figure", "errors-1", "bands-1", "curves-1"}
    assert figures["comparison-figure"]["data"][0]["x"]


def test_plotly_is_in_the_page_once_and_all_is_small_enough_to_mail(plain):
    assert len(re.findall(r"plotly\.js v\d", plain)) == 1
    assert len(plain.encode()) < 8_000_000


def test_the_same_run_gives_the_same_page(plain):
    assert page() == plain


def test_numbers_have_four_digits_and_tiny_ones_two():
    assert [number(v) for v in (141.0926, 0.82634, 0.00014321, 0.0)] == ["141.1", "0.8263", "1.4e-04", "0"]
    assert [signed(v) for v in (2.0, -2.0, 0.00014321)] == ["+2", "-2", "+1.4e-04"]
    assert number(float("nan")) == signed(float("nan")) == "–"


def test_an_interval_that_does_not_exist_is_not_shown():
    assert bounds(Interval(1.0, 0.5, 2.0)) == "[0.5, 2]"
    assert bounds(Interval(1.0, float("nan"), float("nan"))) == ""


def test_hours_begin_at_an_hour():
    assert [duration(s) for s in (90.0, 3599.0, 3600.0)] == ["1.5 min", "60.0 min", "1.00 h"]


def test_the_first_line_says_what_the_prior_is_worth():
    text = page(table=with_constant_pose(100.0, (-20.0, -30.0, -10.0)))
    body = text[text.index("<h1>") :]
    assert body.index("does not beat a constant pose") < body.index("what was trained, on what")
    row = next(cells for cells in Page(text).cells if len(cells) == 3 and cells[0] == "mpjpe_mm")
    assert [cell.strip() for cell in row[1:]] == ["120", "100-20 [-30, -10]"]


def test_that_the_prior_beats_a_constant_pose_is_said_once():
    text = page(table=with_constant_pose(140.0, (20.0, 10.0, 30.0)))
    assert text.count("beats a constant pose") == 1


def test_without_baselines_there_is_no_table_of_them(plain):
    assert "Without any training" not in plain
