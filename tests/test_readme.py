"""What the README says of the project is so."""

import re
from pathlib import Path

from motiongrpo.app.commands import COMMANDS
from tools.layout import END, START, layout

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_layout_is_the_one_on_disk():
    """`python tools/layout.py` writes it."""
    assert README.split(START)[1].split(END)[0] == layout()


def test_commands_are_told_in_the_words_of_the_help():
    """Without its markup, a row of the table is a command of `motiongrpo --help` with its sentence."""
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", README).replace("`", "")
    rows = re.findall(r"^\| ((?:kedro|motiongrpo) .*?) \| (.*) \|$", plain, flags=re.MULTILINE)
    assert rows == list(COMMANDS)


def test_every_link_to_a_file_leads_somewhere():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert len(targets) >= 4
    for target in targets:
        assert (ROOT / target).exists(), target


def test_every_make_target_it_names_is_there():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", README)) <= targets
