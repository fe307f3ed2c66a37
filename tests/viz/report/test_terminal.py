"""The tables on a terminal at the end of a run."""

import io

import pandas as pd
from rich.console import Console

from motiongrpo.viz.report.terminal import WIDTH, baselines_table, guided_table, sources_table, summary_table
from tests.viz.runs import comparison, improved, with_constant_pose

CHANGE = (1.0, (-0.5, -0.6, -0.4))
MIXED = comparison(mpjpe_mm=CHANGE, contact_f1=CHANGE, egoallo_gnd=CHANGE, paper_mpjre_deg=CHANGE)


def printed(table) -> str:
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def first_words(table) -> list[str]:
    lines = (line.split() for line in printed(summary_table(table)).splitlines())
    words = [words[0] for words in lines if words and words[0].isidentifier()]
    return words[words.index("metric") + 1 :]


def test_textbook_metrics_come_first_and_those_of_print_under_a_heading():
    expected = ["mpjpe_mm", "contact_f1", "for", "egoallo_gnd", "paper_mpjre_deg"]
    assert first_words(MIXED) == expected
    assert first_words(MIXED[MIXED["stage"] == "pretraining"]) == expected


def test_every_source_has_its_headline_metrics_and_says_what_they_rest_on():
    sources = pd.concat([MIXED.assign(source=name, subjects=n) for name, n in (("home", 2), ("[street]", 7))])
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(sources_table(sources))
    text = " ".join(console.export_text().split())
    assert "home 96 windows 32 sequences 2 subjects mpjpe_mm ↓ 1.00" in text
    assert "[street] 96 windows 32 sequences 7 subjects mpjpe_mm" in text
    assert "contact_f1" not in text
    assert "95 % intervals over sequences" in text


def test_a_baseline_is_a_line_with_its_difference_from_the_pretrained_model():
    shown = printed(baselines_table(with_constant_pose(150.0, (30.0, 20.0, 40.0))))
    assert "constant_upright 150 (+30.0)" in " ".join(shown.split())
    assert baselines_table(improved()) is None


def test_a_checkpoint_with_guidance_is_a_line_of_its_own_table():
    rows = with_constant_pose(150.0, (30.0, 20.0, 40.0))
    guided = rows["checkpoint"] == "baselines/constant_upright"
    rows.loc[guided, ["checkpoint", "stage"]] = ["guided/policy", "guided"]
    assert "policy 150 (+30.0)" in " ".join(printed(guided_table(rows)).split())
    assert baselines_table(rows) is None
    assert guided_table(improved()) is None
