"""A headset's file in, a moving body out: the pipeline, its command, what it refuses, and a stop half-way."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.recording import load_recording
from motiongrpo.head.formats.reader import read_head_path
from motiongrpo.pipelines.recovery import nodes
from tests.bodies import open_body
from tests.head.writers import walk as walking
from tests.head.writers import write
from tests.pipelines.kedro_project import ROOT, files, run, succeed
from tests.recovery.test_recovered import base_config
from tests.trained import trained

SHORT = {"recovery__samples": 2, "recovery__chunk_s": 2}
CASES = ROOT.parent / "shared" / "cases"


@pytest.fixture(scope="module")
def data(smoke_run, tmp_path_factory):
    return shutil.copytree(smoke_run[0], tmp_path_factory.mktemp("recovery") / "data")


@pytest.fixture
def walk(data, tmp_path) -> Path:
    shutil.rmtree(recovered(data), ignore_errors=True)  # of another test's file of this name
    file = tmp_path / "walk.csv"
    write(file, *walking(120, 30.0), "openxr")
    return file


def recovered(data: Path) -> Path:
    return data / "07_model_output/smoke/recovered"


def test_a_recording_becomes_a_body_in_every_format_with_a_report(data, walk):
    printed = succeed(
        data, "recovery", recovery__input=walk, recovery__format="openxr", **SHORT, recovery__clip__seconds=1
    )
    folder = recovered(data) / "walk"
    assert f"Recovered: {folder / 'report.html'}" in printed
    assert {path.name for path in folder.iterdir()} == {
        *("walk.bvh", "walk.glb", "walk.npz", "walk.parquet", "recording.npz", "report.html")
    }
    recording = load_recording(folder / "recording.npz")
    head, _ = walking(120, 30.0)
    np.testing.assert_allclose(recording.motions.T_world_cpf[0, :, 4:], head[:, 4:], atol=1e-3)
    page = (folder / "report.html").read_text()
    assert "policy.safetensors" in page
    assert "https://" not in page.split("<script>")[0]


def test_the_same_command_again_draws_nothing_and_one_after_a_stop_ends_alike(data, walk):
    given = {"recovery__input": walk, "recovery__format": "openxr", **SHORT}
    succeed(data, "recovery", **given)
    parts = data / "07_model_output/smoke/recovery_parts/walk"
    before, first = files(recovered(data) / "walk"), {p.name: p.stat().st_mtime_ns for p in parts.iterdir()}
    assert len(first) == 2
    shutil.rmtree(recovered(data) / "walk")
    max(parts.iterdir()).unlink()
    succeed(data, "recovery", **given)
    after = {p.name: p.stat().st_mtime_ns for p in parts.iterdir()}
    assert [name for name in first if first[name] == after[name]] == [min(first)]
    assert files(recovered(data) / "walk") == before


def test_of_a_folder_the_good_files_are_recovered_and_the_bad_ones_told(data, walk, monkeypatch):
    for name in ("broken", "worse"):
        (walk.parent / f"{name}.csv").write_text("t,x,y,z,qx,qy,qz,qw\n1,2\n")
    read = nodes.read_head_path

    def fails(path, config):
        if path.stem == "worse":
            raise RuntimeError("nobody thought of this")
        return read(path, config)

    monkeypatch.setattr(nodes, "read_head_path", fails)
    succeed(data, "recovery", recovery__input=walk.parent, recovery__format="openxr", **SHORT)
    inputs = json.loads((data / "07_model_output/smoke/recovery_inputs.json").read_text())
    assert inputs["read"] == ["walk"]
    assert "no whole row" in inputs["refused"]["broken.csv"]
    assert "RuntimeError: nobody thought of this" in inputs["refused"]["worse.csv"]
    assert [path.name for path in (data / "07_model_output/smoke/head_paths").iterdir()] == ["walk.npz"]
    assert (recovered(data) / "walk/report.html").is_file()


def test_another_recording_of_the_same_name_leaves_the_first_s_results_and_that_is_said(data, walk):
    given = {"recovery__format": "openxr", "recovery__to": "[bvh]", **SHORT}
    succeed(data, "recovery", recovery__input=walk, **given)
    first = files(recovered(data) / "walk")
    other = walk.parent / "tuesday/walk.csv"
    other.parent.mkdir()
    write(other, *walking(90, 30.0), "openxr")
    printed = succeed(data, "recovery", recovery__input=other, **given)
    assert f"Recovered: {recovered(data) / 'tuesday_walk/report.html'}" in printed
    assert "'walk' holds what came of" in " ".join(printed.split())
    assert files(recovered(data) / "walk") == first
    assert (recovered(data) / "tuesday_walk/tuesday_walk.bvh").is_file()


def test_a_list_of_recordings_that_names_another_is_refused(monkeypatch):
    monkeypatch.setattr(nodes, "chosen_model", lambda *given: trained())
    given = (None, None, None, None, open_body(), base_config(), "cpu")
    with pytest.raises(
        InputError, match=r"recovery_inputs.json lists 'ghost', of which there is no head path"
    ):
        next(nodes.draw_motions({}, {"read": ["ghost"]}, *given))


@pytest.mark.parametrize(
    ("case", "format_", "sentence"),
    [
        ("head_xyzw_as_wxyz", "csv", "up"),
        ("nowhere.csv", "auto", "there is no file or folder at"),
    ],
)
def test_what_cannot_be_recovered_is_one_sentence(case, format_, sentence, data):
    result = run(data, "recovery", recovery__input=CASES / case, recovery__format=format_, **SHORT)
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_what_nobody_thought_of_is_the_file_s_own_sentence(data, walk, monkeypatch):
    def fails(path, config):
        raise RuntimeError(f"nobody thought of {path.name}")

    monkeypatch.setattr(nodes, "read_head_path", fails)
    result = run(data, "recovery", recovery__input=walk, recovery__format="openxr", **SHORT)
    assert result.exit_code == 1
    assert "reading 'walk.csv' failed with RuntimeError: nobody thought of walk.csv" in " ".join(
        result.output.split()
    )
    assert "Traceback" not in result.output


def test_warnings_stand_in_the_terminal_and_in_the_report(data, tmp_path):
    poses, t = walking(120, 30.0)
    poses[60:] = poses[60]
    write(tmp_path / "frozen.csv", poses, t, "openxr")
    given = {"recovery__input": tmp_path / "frozen.csv", "recovery__format": "openxr", **SHORT}
    printed = " ".join(succeed(data, "recovery", recovery__to="[bvh]", **given).split())
    assert "frozen.csv: the pose is frozen for 0.5 s or more" in printed
    assert "pose is frozen for 0.5 s or more" in (recovered(data) / "frozen/report.html").read_text()


def test_without_a_file_the_command_is_told(data):
    result = run(data, "recovery")
    assert (result.exit_code, "motiongrpo recover FILE" in result.output) == (1, True)


def test_the_command_is_the_pipeline(data, walk):
    bootstrap_project(ROOT)
    pipelines.set_requested(None)
    from motiongrpo.cli import cli

    params = f"data={data},recovery.samples=2,recovery.chunk_s=2"
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        arguments = ["recover", str(walk), "--format", "openxr", "--to", "bvh", "--env", "smoke"]
        result = CliRunner().invoke(cli, [*arguments, "--floor-m", "0", "--params", params])
    finally:
        os.chdir(before)
    assert result.exit_code == 0, result.output
    names = {path.name for path in (recovered(data) / "walk").iterdir()}
    assert names == {"walk.bvh", "recording.npz", "report.html"}
    assert "It was given." in (recovered(data) / "walk/report.html").read_text()


def test_plain_tables_are_read_by_the_commands_of_the_guide(tmp_path, monkeypatch):
    guide = (ROOT / "docs/recovery.md").read_text(encoding="utf-8")
    commands = [
        shlex.split(line) for line in re.findall(r"^motiongrpo (recover mine\.csv .*)$", guide, re.MULTILINE)
    ]
    assert len(commands) == 2
    bootstrap_project(ROOT)
    from motiongrpo import cli

    seen = []
    monkeypatch.setattr(cli.run, "invoke", lambda ctx: seen.append(ctx.params["params"]["recovery"]))
    for command, header in zip(
        commands, ("t,x,y,z,qx,qy,qz,qw", "stamp,px,py,pz,qx,qy,qz,scalar"), strict=True
    ):
        result = CliRunner().invoke(cli.cli, command)
        assert result.exit_code == 0, result.output
        write(tmp_path / "mine.csv", *walking(60, 60.0), "openxr")
        rows = [line.split(",", 1) for line in (tmp_path / "mine.csv").read_text().splitlines()[1:]]
        lines = [header, *(f"{100 + number / 60:.6f},{rest}" for number, (_, rest) in enumerate(rows))]
        (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
        path = read_head_path(tmp_path / "mine.csv", base_config(**seen.pop()))
        np.testing.assert_allclose(path.T_world_cpf[:, 4:], walking(60, 60.0)[0][:, 4:], rtol=0, atol=1e-6)
