"""kedro-viz: previews of a run's results, the stages as groups, the static site and its panels."""

import base64
import inspect
import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from motiongrpo.datasets.previews import table_preview
from motiongrpo.pipeline_registry import CHAIN, register_pipelines
from tests.browser import browser, needs_chromium
from tests.pipelines.kedro_project import QUIET, ROOT

SHOWN = {"TablePreview", "JSONPreview", "ImagePreview", "PlotlyPreview"}
NO_PREVIEW = {
    "raw_motions",
    "training_motion",
    "gender_conversion",
    "scenes",
    "report",
    "runs_page",
}  # empty, or too large


@pytest.fixture(scope="module")
def catalog(smoke_run):
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="smoke", runtime_params={"data": str(smoke_run[0])}) as session:
        return session.load_context().catalog


def of_the_chain() -> list[str]:
    """The datasets of the whole chain."""
    names = register_pipelines()["__default__"].datasets()
    return sorted(name for name in names if name != "parameters" and not name.startswith("params:"))


def previewed(dataset: Any) -> tuple[str, Any]:
    """The kind of a preview, by its annotation as kedro-viz finds it, and the preview."""
    options = dataset.metadata["kedro-viz"].get("preview_args", {})
    kind = inspect.signature(dataset.preview).return_annotation
    return getattr(kind, "__name__", str(kind)), dataset.preview(**options)


def test_everything_a_run_leaves_has_a_preview(catalog):
    for name in of_the_chain():
        dataset = catalog.get(name)
        if name in NO_PREVIEW:
            assert not hasattr(dataset, "preview") or dataset.metadata["kedro-viz"]["preview"] is False, name
            continue
        kind, preview = previewed(dataset)
        assert kind in SHOWN, name
        assert preview, name
        json.dumps(preview)
        if kind == "JSONPreview":
            json.loads(preview)


def test_a_checkpoint_shows_its_header_and_the_shapes_of_its_tensors(catalog):
    _, preview = previewed(catalog.get("policy"))
    shown = json.loads(preview)
    assert (shown["stage"], shown["step"]) == ("grpo", 6)
    assert shown["tensors"]["noise_emb.weight"] == "F32 [1000, 16]"


def test_a_series_shows_a_row_a_checkpoint(catalog):
    _, preview = previewed(catalog.get("grpo_checkpoints"))
    steps = preview["columns"].index("step")
    assert [row[steps] for row in preview["data"]] == [2, 4, 6]


def test_scores_show_the_means_of_their_metrics(catalog):
    _, preview = previewed(catalog.get("scores"))
    rows = {row[0]: dict(zip(preview["columns"], row, strict=True)) for row in preview["data"]}
    scores = catalog.load("scores")["grpo/step_0000006"]
    mean = sum(scores["windows"]["mpjpe_mm"]) / len(scores["windows"]["mpjpe_mm"])
    assert rows["grpo/step_0000006"]["mpjpe_mm"] == pytest.approx(mean, abs=1e-5)


def test_the_comparison_is_shown_whole(catalog):
    assert len(previewed(catalog.get("comparison"))[1]["data"]) == len(catalog.load("comparison"))


def test_a_clip_is_an_animated_picture(catalog):
    _, preview = previewed(catalog.get("median_clip"))
    picture = base64.b64decode(preview)
    assert picture.startswith(b"GIF89a")
    assert b"NETSCAPE2.0" in picture  # it plays in a loop


def test_tables_know_no_nan():
    table = table_preview(pd.DataFrame({"a": [1.0, float("nan")], "b": ["x", None]}))
    assert table["data"] == [[1.0, "x"], [None, None]]


def test_datasets_that_stages_share_keep_their_names():
    for name, pipeline in register_pipelines().items():
        assert not any("." in dataset.removeprefix("params:") for dataset in pipeline.datasets()), name


@pytest.fixture(scope="module")
def site(smoke_run, tmp_path_factory) -> Path:
    """The static site of `make viz ENV=smoke`, for a project with the data of the smoke run."""
    project = tmp_path_factory.mktemp("project")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "pyproject.toml", project)
    (project / "data").symlink_to(smoke_run[0])
    environment = QUIET | {"KEDRO_ENV": "smoke", "PYTHONWARNINGS": "ignore", "COLUMNS": "500"}
    environment["PYTHONPATH"] = os.pathsep.join([str(project / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    built = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stdout
    return project / "build"


def main_of(site: Path) -> dict[str, Any]:
    return json.loads((site / "api/main").read_text(encoding="utf-8"))


def id_of(site: Path, dataset: str) -> str:
    return next(
        node["id"] for node in main_of(site)["nodes"] if (node["name"], node["type"]) == (dataset, "data")
    )


def test_the_site_folds_stages_into_groups_and_shows_layers_in_their_order(site):
    main = main_of(site)
    assert set(main["modular_pipelines"]) == {"__root__", *CHAIN}
    assert main["layers"] == ["raw", "intermediate", "model_input", "models", "model_output", "reporting"]
    names = {node["id"]: node["name"] for node in main["nodes"]}
    inside = {names[child["id"]] for child in main["modular_pipelines"]["reporting"]["children"]}
    assert {"write_report", "comparison_figure"} <= inside


def test_the_site_holds_previews_and_the_sentence_of_a_node(site):
    clip = json.loads((site / "api/nodes" / id_of(site, "median_clip")).read_text(encoding="utf-8"))
    assert clip["preview_type"] == "ImagePreview"
    assert base64.b64decode(clip["preview"]).startswith(b"GIF89a")
    nodes = main_of(site)["nodes"]
    node = next(node["id"] for node in nodes if (node["name"], node["type"]) == ("post_train", "task"))
    panel = json.loads((site / "api/nodes" / node).read_text(encoding="utf-8"))
    assert '"""' in panel["code"]


@needs_chromium
def test_a_panel_opens_with_the_clip_in_it(site, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with browser(tmp_path / "profile") as page:
            panel = f"?pid=__default__&sid={id_of(site, 'median_clip')}"
            page.open(f"http://127.0.0.1:{server.server_port}/{panel}")
            picture = "document.querySelector('img[src^=\"data:image\"]')"
            page.wait_for(f"{picture} !== null && {picture}.naturalWidth > 100")
            assert "R0lGOD" in page.evaluate(f"{picture}.src.slice(0, 60)")  # GIF, in base64
            assert page.evaluate("document.body.innerText.includes('median_clip')")
    finally:
        server.shutdown()


class Silent(SimpleHTTPRequestHandler):
    """A file server that logs nothing."""

    def log_message(self, *words: object) -> None: ...
