"""Rules of style that no linter checks."""

from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"


def test_every_file_of_the_source_is_short_enough_to_be_read_at_once():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > 300} == {}
