"""Ingestion of folder trees by command: several processes, a kill, the report."""

import json
import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from motiongrpo.motion.sources.amass_subsets import PROTOCOLS
from motiongrpo.motion.store import CURRENT, LOG
from tests.motion.sources.raw_folders import rich_tree, smplh_file
from tests.pipelines.kedro_project import files, run, start, succeed

TAKES = 3
STORE = "02_intermediate/smoke/motions"
REPORTS = "08_reporting/smoke"


@pytest.fixture(scope="module")
def amass(tmp_path_factory) -> Path:
    """HuMoR's subsets with a few takes each, one of which is skipped by name, and one cut off."""
    root = tmp_path_factory.mktemp("amass")
    split = PROTOCOLS["humor"]
    for name in (*split.train, *split.validation, *split.test):
        for take in range(TAKES):
            smplh_file(root / name / f"s{take}" / f"{take}_poses.npz", seconds=6, fps=60)
    smplh_file(root / "BMLrub/s0/0_treadmill_poses.npz")
    (root / "CMU/s0/torn_poses.npz").write_bytes(b"PK")
    return root


def params(root: Path, **more) -> dict:
    named = {"ingestion__source": "amass", "ingestion__amass__subsets": "humor", "data_root": str(root)}
    return named | more


@pytest.fixture(scope="module")
def ingested(amass, tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("data")
    succeed(data, "ingestion", **params(amass, ingestion__workers=1))
    return data


def test_every_file_is_in_the_report_and_the_summary_counts_them(ingested):
    report = pd.read_csv(ingested / REPORTS / "ingestion_report.csv", keep_default_na=False)
    summary = json.loads((ingested / REPORTS / "ingestion_summary.json").read_text())
    assert len(report) == summary["files"] == 14 * TAKES + 2
    assert summary["files_by_verdict"] == {"accepted": 14 * TAKES, "refused": 2}
    refused = report[report["verdict"] == "refused"].set_index("file")["reason"]
    assert "ingestion.amass.skip names" in refused["BMLrub/s0/0_treadmill_poses.npz"]
    assert "is not an npz archive, or its end is missing" in refused["CMU/s0/torn_poses.npz"]
    assert sum(summary["refused_by_reason"].values()) == 2
    assert summary["hours_kept"] > 0


def test_no_subset_is_in_two_splits(ingested):
    windows = pd.read_csv(ingested / "05_model_input/smoke/windows.csv")
    subsets = windows["subject"].str.partition("/")[0]
    assert set(subsets[windows["split"] == "test"]) == {"Transitions", "HumanEva"}
    assert (windows.groupby(subsets)["split"].nunique() == 1).all()


@pytest.mark.soak
def test_a_kill_in_the_middle_of_many_processes_costs_nothing(amass, ingested, tmp_path):
    process = start(tmp_path, "ingestion", **params(amass, ingestion__workers=2))
    deadline = time.monotonic() + 120
    while not any((tmp_path / STORE).glob(f"*/{LOG}")) or not _lines(tmp_path / STORE):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "no file was committed within two minutes"
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / STORE / CURRENT).exists()
    before = _lines(tmp_path / STORE)
    assert 0 < before < 14 * TAKES + 2
    succeed(tmp_path, "ingestion", **params(amass, ingestion__workers=1))
    assert files(tmp_path / STORE) == files(ingested / STORE)


def _lines(store: Path) -> int:
    (log,) = store.glob(f"*/{LOG}")
    return log.read_text().count("\n")


def test_a_missing_subset_stops_the_command_with_one_sentence(amass, tmp_path):
    result = run(tmp_path, "ingestion", **params(amass, ingestion__amass__subsets="egoallo"))
    assert result.exit_code == 1
    assert "AMASS subsets BMLhandball, DFaust (also DFaust_67), DanceDB" in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_test_split_alone_can_be_ingested_and_training_on_it_is_refused(tmp_path):
    rich_tree(tmp_path / "rich", "BBQ_001_guitar", "001", range(60))
    data = tmp_path / "data"
    succeed(data, "ingestion", ingestion__source="rich", data_root=str(tmp_path / "rich"))
    assert set(pd.read_csv(data / "05_model_input/smoke/windows.csv")["split"]) == {"test"}
    result = run(data, "pretraining", ingestion__source="rich", data_root=str(tmp_path / "rich"))
    assert result.exit_code == 1
    assert "there is no train motion: what was ingested is test only" in " ".join(result.output.split())
