"""Files and names in the pages of docs exist."""

import io
import re
import tokenize
from pathlib import Path

import pytest

from tools import layout

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "motiongrpo"
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAST = ("log.md",)  # a history, in which files may no longer exist
PRESENT = [page for page in PAGES if page.name not in PAST]
A_FILE = re.compile(
    r"(?<![\w/.])((?:benchmarks|conf(?!/local)|docs|notebooks|src|tests|tools)/[\w./-]*\w|(?:\w+/)+\w+\.py)\b"
)
A_MODULE = re.compile(r"\b((?:motiongrpo|tools)(?:\.\w+)+)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def names_in(path: Path) -> set[str]:
    """Every name in a file's code, and every one-word string, without comments and docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {
        token.string.strip("\"'")
        for token in tokens
        if token.type in (tokenize.NAME, tokenize.STRING) and token.string.strip("\"'").isidentifier()
    }


def notation() -> list[list[str]]:
    """The rows of the table, cell by cell."""
    lines = (ROOT / "docs" / "notation.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def test_the_layout_is_the_one_on_disk():
    """It is written by `python tools/layout.py`."""
    assert layout.PAGE.read_text(encoding="utf-8") == layout.page()


def test_every_folder_says_what_it_is():
    assert [path for path in PACKAGE.rglob("__init__.py") if not layout.sentence(path)] == []


def test_a_sentence_of_the_layout_is_whole(tmp_path):
    for docstring, whole in {
        "Advantages (Shao et al. 2024),\nclamped. More.": "Advantages (Shao et al. 2024), clamped",
        "Does it see what it should? Its report.": "Does it see what it should?",
        "Transforms. `T_world_root` maps root to world.\n\nMore.": "Transforms",
    }.items():
        (tmp_path / "module.py").write_text(f'"""{docstring}"""\n')
        assert layout.sentence(tmp_path / "module.py") == whole


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [to for to in targets if "://" not in to and not (page.parent / to).exists()] == []


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_every_file_and_module_that_a_page_names_is_there(page):
    text = re.sub(r"\]\([^)]*\)|<!--.*?-->|https?://\S+", "", page.read_text(encoding="utf-8"))
    files, modules = A_FILE.findall(text), A_MODULE.findall(text)
    assert [f for f in files if not any((at / f).exists() for at in (ROOT, PACKAGE, ROOT / "tests"))] == []
    assert [name for name in modules if not is_in_a_module(name)] == []


def is_in_a_module(dotted: str) -> bool:
    """Whether a dotted name is a module or package, or a name in the code of one."""
    parts = dotted.removeprefix("motiongrpo.").split(".")
    root = PACKAGE if dotted.startswith("motiongrpo.") else ROOT
    whole, outer = root.joinpath(*parts), root.joinpath(*parts[:-1]).with_suffix(".py")
    return (
        whole.with_suffix(".py").is_file()
        or (whole / "__init__.py").is_file()
        or (outer.is_file() and parts[-1] in names_in(outer))
    )


@pytest.mark.parametrize("row", notation(), ids=lambda row: row[0])
def test_a_formula_stands_in_the_file_that_the_notation_names(row):
    _, names, _, _, file, source = row
    wanted = {name for span in re.findall(r"`([^`]+)`", names) for name in re.findall(r"[A-Za-z_]\w*", span)}
    assert wanted
    assert source
    assert wanted <= names_in(PACKAGE / file.strip("`")), file
