"""Damaged inputs of commands: one sentence each, intact files beside them used, nothing left behind."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.damage import assert_one_sentence, damaged
from tests.head.writers import WRITERS, options, walk, write
from tests.motion.rigs import cmu_take
from tests.motion.sources.raw_folders import rich_tree, smplh_file
from tests.motion.test_damage_at_random import amass, mocap, rich
from tests.pipelines.kedro_project import QUIET, ROOT, arguments, files

SHARED = ROOT.parent / "shared" / "cases" / "damaged"
SECONDS, MEGABYTES = 20, 1500  # limits for one damaged input, in addition to those of a command
COMMAND_S = 60

pytestmark = pytest.mark.soak


def ended(data: Path, stages: str, conf: Path = ROOT / "conf", **params: object) -> tuple[int, str, float]:
    """`kedro run` as a separate process: its exit status, its output and its peak memory in MB."""
    named = {name.replace("__", "."): value for name, value in params.items()}
    command = [sys.executable, "-m", "kedro", "run", "--conf-source", str(conf)]
    command += arguments(data, "smoke", stages, named)
    with (data.parent / "printed").open("w+b") as printed:
        process = subprocess.Popen(command, cwd=ROOT, env=QUIET, stdout=printed, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        printed.seek(0)
        output = printed.read().decode()
    assert "Traceback" not in output, output
    return os.waitstatus_to_exitcode(status), output, usage.ru_maxrss / 1e3


def assert_no_partial(data: Path) -> None:
    assert not [path for path in data.rglob("*") if "partial" in path.name or path.suffix == ".lock"]


def whole_mocap(root: Path) -> None:
    for subject in range(4):
        (root / f"whole{subject}_01.bvh").write_text(cmu_take(60))


def whole_amass(root: Path) -> None:
    for subject in range(4):
        smplh_file(root / f"KIT/{subject}/whole_poses.npz", dmpls=None)


def whole_rich(root: Path) -> None:
    for subject, folder in enumerate(("train", "val", "test")):
        rich_tree(root, f"Whole{subject}_001_x", "001", range(60), folder=folder)


RAW = {
    "mocap": (mocap, whole_mocap, {f"ingestion__mocap__subjects__whole{i}*": f"person{i}" for i in range(4)}),
    "amass": (amass, whole_amass, {"ingestion__amass__subsets": "[KIT]"}),
    "rich": (rich, whole_rich, {}),
}


@pytest.mark.parametrize("source", RAW)
def test_an_ingestion_refuses_each_damaged_file_and_takes_the_whole_ones(source, tmp_path):
    damage, whole, params = RAW[source]
    root, data = tmp_path / "raw", tmp_path / "data"
    root.mkdir()
    data.mkdir()
    damage(root)
    whole(root)
    if SHARED.is_dir() and source == "amass":
        shutil.copy(SHARED / "amass_header_unhashable_poses.npz", root / "KIT/1")
    if SHARED.is_dir() and source == "rich":
        for bomb in SHARED.glob("*.pkl"):
            path = root / f"data/bodies/test/Whole1_{bomb.stem}/00001/001.pkl"
            path.parent.mkdir(parents=True)
            shutil.copy(bomb, path)
    before, start = files(root), time.monotonic()
    status, output, megabytes = ended(
        data, "ingestion", ingestion__source=source, data_root=root, ingestion__workers=1, **params
    )
    assert status == 0, output
    report = list(csv.DictReader((data / "08_reporting/smoke/ingestion_report.csv").open()))
    assert time.monotonic() - start < COMMAND_S + SECONDS * len(report)
    assert megabytes < MEGABYTES
    verdicts = [row["verdict"] for row in report if re.search(r"whole\d?_", row["file"].lower())]
    assert len(verdicts) >= 4
    assert verdicts.count("refused") == (2 if SHARED.is_dir() and source == "rich" else 0)
    for row in report:
        if row["verdict"] == "refused":
            assert_one_sentence(row["reason"])
    assert sum(row["verdict"] == "refused" for row in report) > 20
    assert files(root) == before
    assert_no_partial(data)


@pytest.fixture(scope="module")
def trained(smoke_run, tmp_path_factory) -> Path:
    return shutil.copytree(smoke_run[0], tmp_path_factory.mktemp("damaged") / "data")


@pytest.mark.parametrize("format", WRITERS)
def test_of_a_folder_of_damaged_recordings_the_whole_one_is_recovered(format, trained, tmp_path):
    path, seconds = walk(60, 30.0)
    folder = tmp_path / "recordings"
    folder.mkdir()
    write(folder / "whole.csv", path, seconds, format)
    content = (folder / "whole.csv").read_bytes()
    for name, other in damaged(content, list(WRITERS).index(format), 5):
        (folder / f"{name}.csv").write_bytes(other)
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "smoke/parameters_recovery.yml").write_text(yaml.dump({"recovery": options(format, seconds)}))
    status, output, megabytes = ended(
        trained,
        "recovery",
        conf,
        recovery__input=folder,
        recovery__samples=2,
        recovery__to="[bvh]",
        recovery__floor_m="estimate",
    )
    assert status == 0, output
    assert megabytes < MEGABYTES
    inputs = json.loads((trained / "07_model_output/smoke/recovery_inputs.json").read_text())
    assert "whole" in inputs["read"]
    for sentence in inputs["refused"].values():
        assert_one_sentence(sentence)
        assert "failed with" not in sentence
    assert (trained / "07_model_output/smoke/recovered/whole/whole.bvh").is_file()
    assert_no_partial(trained)


READ_BACK = {
    "05_model_input/smoke/windows.csv": "pretraining",
    "02_intermediate/smoke/motions/CURRENT": "pretraining",
    "02_intermediate/smoke/motions/*/header.json": "pretraining",
    "02_intermediate/smoke/motions/*/files.jsonl": "pretraining",
    "02_intermediate/smoke/motions/raw_files.json": "ingestion",
    "06_models/smoke/pretrained_denoiser.safetensors": "reward_model",
    "06_models/smoke/grpo/step_0000006.safetensors": "evaluation",
    "07_model_output/smoke/scores/grpo/step_0000006.json": "evaluation",
    "08_reporting/smoke/grpo_log.jsonl": "reporting",
    "08_reporting/smoke/reward_report.json": "reporting",
}
"""Files that later commands read, with a stage that reads them."""


@pytest.mark.parametrize("pattern", READ_BACK)
def test_a_damaged_file_of_a_run_ends_the_command_with_its_name(pattern, trained):
    (path,) = trained.glob(pattern)
    whole, before = path.read_bytes(), files(trained)
    for _, content in damaged(whole, list(READ_BACK).index(pattern), 3):
        path.write_bytes(content)
        status, output, megabytes = ended(trained, READ_BACK[pattern])
        assert megabytes < MEGABYTES
        assert_no_partial(trained)
        if status:
            sentence = " ".join(output[output.rindex("Error: ") :].split())
            assert_one_sentence(sentence.replace(str(trained), ""))
            assert str(trained) in sentence or "differs: other windows" in sentence  # a table, of others
            assert files(trained).keys() == before.keys()
        for name, kept in before.items():
            (trained / name).write_bytes(kept)
