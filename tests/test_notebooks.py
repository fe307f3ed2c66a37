"""The notebooks run as for a reader, on a small run, and are committed without outputs."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.pipelines.kedro_project import ROOT, succeed

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STUDIES = ("2_", "3_")  # these need a study and a training, and take as long as the other two together
SECONDS = 600  # after which a cell counts as hanging


@pytest.fixture
def data(smoke_run, tmp_path, request):
    """A finished run, for some notebooks with the diversity study."""
    data = shutil.copytree(smoke_run[0], tmp_path / "data")
    if request.node.callspec.params["path"].name.startswith(STUDIES):
        succeed(data, "diversity")
    return data


def test_there_are_four():
    assert [path.name[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, marks=pytest.mark.soak if p.name.startswith(STUDIES) else (), id=p.stem)
        for p in NOTEBOOKS
    ],
)
def test_a_notebook_runs_and_draws_its_pictures(path: Path, data, monkeypatch):
    monkeypatch.setenv("MOTIONGRPO_DATA", str(data))
    monkeypatch.setenv("MOTIONGRPO_RUN", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs_and_uses_the_public_api_alone(path: Path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    source = "\n".join("".join(cell["source"]) for cell in code)
    assert "from motiongrpo" in source
    imports = [line for line in source.splitlines() if "import " in line]
    assert not [line for line in imports if " _" in line or "kedro" in line]
