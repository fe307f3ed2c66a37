"""Screenshots of the pipelines in kedro-viz, as docs/viz.md shows them.

    make viz && python tools/screenshots.py

takes them from the static site in build/ with chromium, which must be on the PATH. It needs the results of a
run (`make run`) for the panels.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

ROOT = Path(__file__).parents[1]
SITE, FIGURES = ROOT / "build", ROOT / "docs" / "figures"
SCALE, WAIT_MS = 1.25, 12000
PICTURES = {  # by file: size of the window, and the dataset whose panel is open
    "viz.png": ("1100,1300", None),
    "viz_comparison.png": ("1400,1000", "comparison"),
    "viz_clip.png": ("1400,1000", "median_clip"),
    "viz_policy.png": ("1400,1000", "policy"),
}
LOOK = {  # settings of a user who has closed the tour and the side bar
    "theme": "light",
    "showFeatureHints": False,
    "visible": {"sidebar": False, "miniMap": False},
}
START = "/start?"
FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "hide-scrollbars"),
    *("disable-background-networking", "disable-component-update", "disable-sync"),
)


class Site(SimpleHTTPRequestHandler):
    """The built site without the path of its build, and a page that sets its look and then redirects."""

    def do_GET(self) -> None:
        if self.path.startswith(START):
            target = json.dumps(unquote(self.path.removeprefix(START)))
            look = json.dumps(json.dumps(LOOK))
            script = f"localStorage.setItem('KedroViz', {look}); location.replace({target})"
            self.answer("text/html", f"<script>{script}</script>")
        elif self.path.startswith("/api/") and (file := SITE / self.path.removeprefix("/")).is_file():
            text = file.read_text(encoding="utf-8")
            self.answer("application/json", text.replace(str(ROOT), "/motiongrpo"))
        else:
            super().do_GET()

    def answer(self, kind: str, text: str) -> None:
        """Answer with a page of this script."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words: object) -> None:
        """Do not log requests."""


def node_ids() -> dict[str, str]:
    """Identifiers of the datasets of the whole chain, by name."""
    nodes = json.loads((SITE / "api" / "main").read_text(encoding="utf-8"))["nodes"]
    return {node["name"]: node["id"] for node in nodes if node["type"] == "data"}


def take(picture: Path, size: str, address: str, browser: str) -> None:
    """One screenshot, by a browser with a fresh profile."""
    with tempfile.TemporaryDirectory() as profile:
        settings = {
            "user-data-dir": profile,
            "window-size": size,
            "force-device-scale-factor": SCALE,
            "virtual-time-budget": WAIT_MS,
            "screenshot": picture,
        }
        options = [
            *(f"--{flag}" for flag in FLAGS),
            *(f"--{name}={value}" for name, value in settings.items()),
        ]
        subprocess.run([browser, *options, address], check=True, capture_output=True, timeout=120)


def main() -> None:
    browser = shutil.which("chromium")
    if browser is None or not (SITE / "api" / "main").is_file():
        sys.exit("chromium must be installed and the site be built first: make viz")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ids = node_ids()
    for name, (size, dataset) in PICTURES.items():
        page = "/?pid=__default__" + (f"&sid={ids[dataset]}" if dataset else "")
        take(FIGURES / name, size, f"http://127.0.0.1:{server.server_port}{START}{quote(page)}", browser)
    server.shutdown()


if __name__ == "__main__":
    main()
