"""Statements of the README about the project are true."""

import re
from pathlib import Path

from motiongrpo.app.commands import MAIN
from tools.layout import END, START, folders

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_folders_are_those_on_disk():
    """They are written by `python tools/layout.py`."""
    assert README.split(START)[1].split(END)[0] == folders()


def test_commands_are_told_in_the_words_of_the_help():
    """Without markup, a row of the table is one of the first commands of `--help` with its sentence."""
    rows = re.findall(r"^\| ((?:kedro|motiongrpo) .*?) \| (.*) \|$", README.replace("`", ""), re.MULTILINE)
    assert rows == list(MAIN)


def test_it_says_where_a_formula_is_by_names_that_are_there():
    places = re.findall(r"\]\((src/[^)]+\.py)\), `(\w+)`", README)
    assert len(places) >= 3
    for path, name in places:
        assert re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), name


def test_every_make_target_it_names_is_there():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", README)) <= targets
