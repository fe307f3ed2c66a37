"""Ingestion by several processes: the same bytes, in the same order, with nothing lost."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion import parallel
from motiongrpo.motion.ingestion_summary import ingestion_summary, kind_of_reason
from motiongrpo.motion.parallel import Ingestion, process_count
from motiongrpo.motion.store import StoreHeader, StoreWriter, open_store
from tests.bodies import FPS, open_body, stored_arrays
from tests.motion.sources.raw_folders import base_config, listed, smplh_file
from tests.pipelines.kedro_project import files


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Twelve takes of different lengths, one too short and one torn."""
    root = tmp_path_factory.mktemp("amass")
    for i in range(12):
        smplh_file(root / f"ACCAD/s{i % 3}/{i:02d}_poses.npz", seconds=0.5 if i == 4 else 2 + i / 4)
    (root / "ACCAD/s1/07_poses.npz").write_bytes(b"PK")
    return root


def ingestion(tree: Path, workers: int | None) -> Ingestion:
    config = base_config("amass", workers=workers, amass={"subsets": ["ACCAD"], "skip": []})
    return Ingestion(listed(tree), open_body(), config, None)


def ingested(tree: Path, workers: int, folder: Path):
    work = ingestion(tree, workers)
    writer = StoreWriter(folder, StoreHeader(FPS, open_body().digest), "g")
    for file in work.all(list(work.readers)):
        writer.commit(file)
    writer.finish()
    return open_store(folder)


def test_the_bytes_do_not_depend_on_the_number_of_processes(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "FILES_WORTH_A_PROCESS", 1)
    ingested(tree, 1, tmp_path / "one")
    ingested(tree, 2, tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_the_summary_counts_hours_frames_and_refusals_by_reason(tree, tmp_path):
    store = ingested(tree, 1, tmp_path)
    summary = ingestion_summary(store)
    assert summary["files"] == 12
    assert summary["files_by_verdict"] == {"accepted": 10, "refused": 2}
    assert summary["frames_kept"] == len(stored_arrays(store)["q_body"])
    assert summary["hours_kept"] == round(summary["frames_kept"] / FPS / 3600, 4)
    assert summary["hours_in_files"] == round(store.files["seconds"].sum() / 3600, 4)
    assert sum(summary["refused_by_reason"].values()) == 2


def test_reasons_are_counted_together_whatever_file_they_name():
    one, other = (f"'CMU/{i}.npz': 'poses' is not finite at frame {i}" for i in (7, 12))
    assert kind_of_reason(one) == kind_of_reason(other)
    assert kind_of_reason("it lasts 0.53 s, and 1.0 s are needed") == "it lasts … s, and … s are needed"
    assert kind_of_reason("as in SMPL+H G") == "as in SMPL+H G"


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep"), ZeroDivisionError("by 0")])
def test_whatever_a_file_makes_fail_is_its_verdict_and_the_place_is_in_the_log(
    tree, monkeypatch, caplog, error
):
    def fail(*_):
        raise error

    work = ingestion(tree, 1)
    good, bad = list(work.readers)[:2]
    monkeypatch.setitem(work.readers, bad, (bad, fail))
    with caplog.at_level(logging.DEBUG, logger=parallel.__name__):
        found = {file.name: file.line for file in work.all([bad, good])}
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    assert (found[bad]["verdict"], found[bad]["reason"]) == ("refused", f"reading it failed with {said}")
    assert found[good]["verdict"] == "accepted"
    assert "in fail" in caplog.text


def test_a_killed_process_is_one_sentence_that_names_the_file(tree, monkeypatch):
    monkeypatch.setattr(parallel, "FILES_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(parallel, "_work", _die)
    work = ingestion(tree, 2)
    with pytest.raises(InputError, match=r"a process was killed while 'ACCAD/s0/00_poses\.npz'"):
        list(work.all(list(work.readers)))


def _die(name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_are_started_only_where_there_is_work_for_them():
    assert process_count(10, 8) == 1
    assert process_count(0, None) == 1
    assert process_count(100, 2) == 2
    assert process_count(100, 64) == 4
    assert process_count(10_000, None) == len(os.sched_getaffinity(0))


PROGRAM = """
import sys
from pathlib import Path
from motiongrpo.motion import parallel
from tests.motion.test_parallel import ingestion
if __name__ == "__main__":
    parallel.FILES_WORTH_A_PROCESS = 1
    work = ingestion(Path(sys.argv[1]), 2)
    for file in work.all(list(work.readers)):
        import multiprocessing
        print(*(p.pid for p in multiprocessing.active_children()), flush=True)
        sys.stdin.read()
"""


def test_no_process_outlives_a_killed_parent(tree, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    root = Path(__file__).parents[2]
    env = os.environ | {"PYTHONPATH": f"{root / 'src'}:{root}"}
    parent = subprocess.Popen(
        [sys.executable, str(program), str(tree)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert children
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in children):
        assert time.monotonic() < deadline, "a process is still there"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
