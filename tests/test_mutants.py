"""The mutants match the present source and tests; `make mutants` runs them."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTANTS = tomllib.loads((ROOT / "tools/mutants.toml").read_text())["mutant"]


def places(mutant: dict[str, str]) -> int:
    """How often the text to replace occurs in its file."""
    path = ROOT / "src/motiongrpo" / mutant["file"]
    return path.read_text().count(mutant["find"]) if path.is_file() else 0


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    functions = ast.parse(path.read_text()).body if path.is_file() else []
    return name.partition("[")[0] in {node.name for node in functions if isinstance(node, ast.FunctionDef)}


def test_every_mutant_changes_one_place_of_the_source():
    assert [(m["file"], m["find"], places(m)) for m in MUTANTS if places(m) != 1] == []
    assert [m["find"] for m in MUTANTS if m["find"] == m["replace"]] == []


def test_every_mutant_names_tests_that_exist():
    assert [m["test"] for m in MUTANTS if not all(exists(test) for test in m["test"].split())] == []
