"""The layout in the README: every file of the package with the first words of its own docstring.

    python tools/layout.py

rewrites the block; a test says when that was forgotten.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "motiongrpo"
WIDTH, COLUMN = 82, 34
START, END = "<!-- layout: python tools/layout.py -->\n```\n", "```\n<!-- end of layout -->"
AROUND = {
    "conf/": "base (the default), smoke (tests), cmu (real motion), paper (its scale); local is yours",
    "data/": "everything a run makes, a folder a run name; git ignores it",
    "docs/": "notation, data, decisions and experiments",
    "notebooks/": "from head path to body; reading the diversity evidence; one GRPO update",
    "tests/": "mirrors src; against theory and oracles first",
    "tools/": "what developers run: the pictures, the layout, the open body",
    "benchmarks/": "one script a question, its answer in its docstring",
    "src/motiongrpo/": "",
}


def phrase(path: Path) -> str:
    """The first sentence of a module's docstring, cut at a comma or colon where it is long."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = re.split(r"\.(?=\s+[A-Z]|$)", text.split("\n\n")[0].replace("\n", " "))[0]
    sentence = re.sub(r" \([^)]*\)", "", sentence)
    if len(sentence) <= WIDTH:
        return sentence
    cut = [m.start() for m in re.finditer(r"[,:;] ", sentence) if m.start() <= WIDTH]
    return sentence[: cut[-1]] if cut else sentence


def lines(folder: Path, depth: int) -> list[str]:
    """A folder's files, then its folders, indented."""
    indent, out = "  " * depth, []
    for path in sorted(folder.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        if path.is_dir() and (path / "__init__.py").is_file():
            out.append(f"{indent + path.name + '/':{COLUMN}}{phrase(path / '__init__.py')}".rstrip())
            out += lines(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            out.append(f"{indent + path.name:{COLUMN}}{phrase(path)}".rstrip())
    return out


def layout() -> str:
    """The whole block, without its fences."""
    head = [f"{name:{COLUMN}}{what}".rstrip() for name, what in AROUND.items()]
    return "\n".join([*head, *lines(PACKAGE, 1)]) + "\n"


def main() -> None:
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    readme.write_text(before + START + layout() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
