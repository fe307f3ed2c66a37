"""Generate the layout of the project: its folders in the README, every file of the package in docs/layout.md.

    python tools/layout.py

writes both from the first sentence of each module's docstring; a test fails where they are out of date.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "motiongrpo"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "layout.md"
START, END = "<!-- folders: python tools/layout.py -->\n```\n", "```\n<!-- end of folders -->"
COLUMN = 17
AROUND = {
    "conf/": "Parameters: base (the default), smoke (tests), cmu and mocap (real motion), paper (its scale)",
    "docs/": "Notation, data, metrics, evidence, and what was tried and decided",
    "notebooks/": "From head path to body; the diversity evidence; one GRPO update; your own recording",
    "tests/": "The same folders as in src; first of all closed forms and independent implementations",
}
OPENING = """# Layout

Every file of the package with the first sentence of its docstring, written by `python tools/layout.py`.
Folders stand in the order in which they build on each other: each imports only from those above it.
"""


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, without its full stop; empty where there is none."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    words = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s+(?=[^\s\da-z])", words)[0].removesuffix(".")


def packages(folder: Path) -> list[Path]:
    """The packages directly below a folder, by name."""
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def rooms() -> list[Path]:
    """The package's folders, in the order of import-linter's layers from the lowest."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    order = [name.split(".")[-1] for layer in reversed(layers) for name in layer.split(" | ")]
    return sorted(packages(PACKAGE), key=lambda room: (*order, room.name).index(room.name))


def folders() -> str:
    """The tree of folders in the README, one line each."""
    tree = {"src/motiongrpo/": ""} | {f"  {room.name}/": sentence(room / "__init__.py") for room in rooms()}
    return "".join(f"{name:{COLUMN}}{what}".rstrip() + "\n" for name, what in (tree | AROUND).items())


def section(folder: Path, deep: list[Path]) -> Iterator[str]:
    """A folder's heading, sentence and files, then the sections of the folders in it."""
    name = folder.relative_to(PACKAGE.parent).as_posix()
    yield f"\n## `{name}/`\n\n{sentence(folder / '__init__.py')}.\n"
    for path in sorted(set(folder.glob("*.py")) - {folder / "__init__.py"}):
        yield f"- `{path.name}`: {sentence(path)}" if sentence(path) else f"- `{path.name}`"
    for inner in deep:
        yield from section(inner, packages(inner))


def page() -> str:
    """The content of docs/layout.md."""
    return "\n".join([OPENING.rstrip(), *section(PACKAGE, rooms())]) + "\n"


def main() -> None:
    before, rest = README.read_text(encoding="utf-8").split(START)
    README.write_text(before + START + folders() + END + rest.split(END)[1], encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
