"""Comparison of runs: the checkpoints shown, their reference, and notes on different measurements."""

import math

import pandas as pd

from motiongrpo.viz.report.runs import AXIS, contenders_of, runs_figure, runs_html
from motiongrpo.viz.report.terminal import runs_table
from tests.viz.runs import comparison_row

NAN = (math.nan, math.nan, math.nan)
OTHERWISE = "evaluation.samples was 2, is 4"


def row(run: str, name: str, metric: str, mean: float, difference, protocol: str = "same") -> dict:
    """One row of a comparison of runs, whose reference is a/grpo."""
    stage, step = name.rsplit("/", 2)[-2:]
    about = comparison_row("grpo/10", metric, mean, difference)
    here = {"checkpoint": name, "stage": stage, "step": step, "run": run}
    return about | here | {"reference": "grpo/10", "protocol": protocol}


def table(**changes: str) -> pd.DataFrame:
    """Run a before and after, one from elsewhere, b better and drawn differently, c on other windows."""
    rows = []
    for metric, sign in (("mpjpe_mm", 1), ("contact_f1", -1), ("jitter_m_s3", 1)):
        rows += [
            row("a", "pretraining/100", metric, 110.0, (sign * 10.0, sign * 8.0, sign * 12.0)),
            row("a", "grpo/10", metric, 100.0, (0.0, 0.0, 0.0)),
            row("a", "others/theirs", metric, 900.0, (sign * 800.0, sign * 700.0, sign * 900.0)),
            row("b", "b/grpo/10", metric, 95.0, (-sign * 5.0, -sign * 9.0, -sign * 1.0), OTHERWISE),
            row("c", "c/grpo/10", metric, 50.0, NAN, "other motion"),
        ]
    return pd.DataFrame(rows).assign(**changes)


CONTENDERS = contenders_of(table())
NAMES = ["a, pretrained 100", "a, post-trained 10", "a, theirs", "b, post-trained 10", "c, post-trained 10"]


def test_every_checkpoint_is_a_contender_under_the_name_of_its_run():
    assert [contender.name for contender in CONTENDERS] == NAMES
    assert [contender.is_reference for contender in CONTENDERS] == [False, True, False, False, False]
    assert [contender.from_elsewhere for contender in CONTENDERS] == [False, False, True, True, True]
    assert [contender.is_paired for contender in CONTENDERS] == [True, True, True, True, False]


def test_the_figure_shows_who_is_paired_with_better_to_the_right():
    figure = runs_figure(CONTENDERS)
    first, theirs, b = shown = [trace for trace in figure.data if not trace.showlegend]
    assert [trace.name for trace in shown] == [NAMES[0], NAMES[2], f"{NAMES[3]} (measured otherwise)"]
    assert list(first.y) == ["mpjpe_mm", "contact_f1"]  # jitter has no better side
    assert max(first.x) < 0 < min(b.x)
    assert list(b.x) == [5.0, 5.0]
    assert set(theirs.marker.symbol) == {"triangle-left"}
    assert set(theirs.x) == {-AXIS.edge}
    assert "-800.0 %" in theirs.hovertext[0]
    assert figure.layout.title.text
    assert figure.layout.xaxis.title.text


def test_the_page_warns_of_what_was_measured_otherwise_and_asks_nothing_of_a_network():
    page = " ".join(runs_html(CONTENDERS, runs_figure(CONTENDERS)).split())
    assert f"b, post-trained 10 was measured otherwise than a, post-trained 10: {OTHERWISE}." in page
    assert "The windows are the same, so there are differences" in page
    assert "c, post-trained 10 was measured otherwise than a, post-trained 10: other motion." in page
    assert "Its means stand alone" in page
    assert "default-src 'none'" in page


def test_a_page_of_alike_runs_warns_of_nothing():
    alike = contenders_of(table(protocol="same"))
    assert "was measured otherwise" not in runs_html(alike, runs_figure(alike))


def test_the_terminal_marks_them_and_gives_differences_in_brackets():
    columns = [list(column.cells) for column in runs_table(CONTENDERS).columns]
    assert columns[0] == [*NAMES[:3], f"{NAMES[3]} ≠", f"{NAMES[4]} ≠"]
    assert columns[1][1] == "100"
    assert "+10.0" in columns[1][0]
    assert "(" not in columns[1][4]


def test_a_run_with_nothing_to_compare_with_has_an_empty_figure():
    """For example, where only its prior was scored."""
    alone = [contender for contender in CONTENDERS if contender.is_reference]
    figure = runs_figure(alone)
    assert not [trace for trace in figure.data if len(trace.x or ()) > 1]
    assert "a, post-trained 10" in figure.layout.title.text
