"""What a run ends with on a terminal."""

import io

import pandas as pd
from rich.console import Console

from motiongrpo.viz.report.terminal import WIDTH, sources_table, summary_table
from tests.viz.runs import comparison

CHANGE = (1.0, (-0.5, -0.6, -0.4))
MIXED = comparison(mpjpe_mm=CHANGE, contact_f1=CHANGE, egoallo_gnd=CHANGE, paper_mpjre_deg=CHANGE)


def first_words(table) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(summary_table(table))
    lines = (line.split() for line in console.export_text().splitlines())
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
