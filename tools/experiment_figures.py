"""The figures of docs/evidence.md, from the diversity and the ablation pipeline.

    python tools/experiment_figures.py RUN

draws those that a run has in data/08_reporting, with chromium, which must be on the PATH.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import plotly.io
from screenshots import FIGURES, ROOT, take

NAMES = ("diversity", "ablation", "proxy_gold")
WIDTH, MARGIN = 1000, 16  # pixels; a page has a margin on every side


def draw(source: Path, picture: Path, browser: str) -> None:
    """One figure at its own height."""
    figure = plotly.io.read_json(source)
    height = figure.layout.height or 600
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "figure.html"
        figure.update_layout(width=WIDTH, height=height, autosize=False)
        figure.write_html(page, config={"displayModeBar": False, "staticPlot": True})
        take(picture, f"{WIDTH + MARGIN},{height + MARGIN}", page.as_uri(), browser)


def main() -> None:
    browser = shutil.which("chromium")
    if browser is None or len(sys.argv) != 2:
        sys.exit("chromium must be installed, and a run be named: python tools/experiment_figures.py RUN")
    folder = ROOT / "data" / "08_reporting" / sys.argv[1]
    sources = {name: folder / f"{name}_figure.json" for name in NAMES}
    left = {name: source for name, source in sources.items() if source.is_file()}
    if not left:
        sys.exit(f"'{folder}' has no such figure; make one first: kedro run --pipelines diversity,ablation")
    for name, source in left.items():
        draw(source, FIGURES / f"{name}.png", browser)


if __name__ == "__main__":
    main()
