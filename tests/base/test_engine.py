"""Jobs on a simulated Ray cluster of two machines: the same results, even if workers die."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from motiongrpo.base import engine
from motiongrpo.base.engine import Engine, as_done, choose, in_order, in_steps
from motiongrpo.base.errors import InputError
from tests.base.jobs import counted, die, dying_once, place, refuse
from tests.pipelines.kedro_project import files, succeed


@pytest.fixture(scope="module")
def cluster():
    """Two raylets on this machine, with one core each."""
    os.environ.update(engine.ENVIRONMENT)  # read by Ray when it is imported
    pytest.importorskip("ray", reason="Ray is an extra and is not installed")
    from ray.cluster_utils import Cluster

    machine = {"num_cpus": 1, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    made = Cluster(initialize_head=True, head_node_args=machine)
    made.add_node(**machine)
    yield made
    made.shutdown()


@pytest.fixture
def two_machines(cluster, monkeypatch):
    """The cluster as the engine of this process, with the test modules importable by workers."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    choose(Engine("ray", cluster.address))
    yield cluster.address
    choose(Engine("local"))


JOBS = [(f"job {count}", count) for count in (3, 0, 1, 2)]


def test_jobs_of_this_process_are_done_one_after_the_other():
    assert [name for name, _ in in_steps(counted, 10, JOBS)] == ["job 3"] * 3 + ["job 1"] + ["job 2"] * 2
    assert list(in_order(pow, 2, [3, 1, 2])) == [8, 2, 4]
    assert dict(as_done(pow, 2, [("cube", 3), ("square", 2)])) == {"cube": 8, "square": 4}


def test_workers_give_the_results_of_this_process(two_machines):
    on_workers = list(in_steps(counted, 10, JOBS))
    choose(Engine("local"))
    here = list(in_steps(counted, 10, JOBS))
    assert sorted(on_workers, key=lambda pair: pair[0]) == sorted(here, key=lambda pair: pair[0])


def test_jobs_go_to_both_machines_and_come_back_in_order(two_machines):
    found = list(in_order(place, None, range(40)))
    assert [job for job, _ in found] == list(range(40))
    assert len({machine for _, machine in found}) == 2


def test_a_job_whose_worker_is_killed_goes_on_from_what_was_taken_of_it(two_machines, tmp_path):
    taken = []
    for name, number in in_steps(dying_once, tmp_path, [("a", 1)]):
        (tmp_path / f"1_{number}").touch()
        taken.append((name, number))
    assert taken == [("a", 0), ("a", 1), ("a", 2)]
    assert (tmp_path / "killed_1").exists()


def test_what_a_job_refuses_is_refused_here(two_machines):
    with pytest.raises(InputError, match=r"^job 7 cannot be done$"):
        list(as_done(refuse, None, [("seven", 7)]))


def test_a_job_that_kills_every_worker_is_named(two_machines, monkeypatch):
    monkeypatch.setattr(engine, "LIVES", 2)
    with pytest.raises(InputError, match="Ray lost 2 workers in a row at 'eight'"):
        list(as_done(die, None, [("eight", 8)]))


def test_more_threads_than_a_machine_has_cores_are_refused(two_machines, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    with pytest.raises(InputError, match=r"no machine of the Ray cluster has 64 cores for a job.*threads=N"):
        list(in_order(place, None, [1]))


def by_one_and_by_two(made: str, shared: str, address: str, folder: Path) -> list[dict[str, bytes]]:
    """All files of a smoke run, with its last stages run by this process, and by two machines."""
    here, there = folder / "here", folder / "there"
    succeed(here, made)
    shutil.copytree(here, there)
    succeed(here, shared)
    succeed(there, shared, engine="ray", ray_address=address)
    return [
        {name: content.replace(bytes(data), b"DATA") for name, content in files(data).items()}
        for data in (here, there)
    ]


def test_scores_by_two_machines_have_the_bytes_of_one(two_machines, tmp_path):
    by_one, by_two = by_one_and_by_two("ingestion,pretraining", "evaluation", two_machines, tmp_path)
    assert by_two == by_one


@pytest.mark.soak
def test_studies_and_motion_by_two_machines_have_the_bytes_of_one(two_machines, tmp_path):
    stages = "ingestion,pretraining,reward_model"
    by_one, by_two = by_one_and_by_two(stages, "ablation,diversity", two_machines, tmp_path)
    assert by_two == by_one
    succeed(tmp_path / "again", "ingestion", engine="ray", ray_address=two_machines)
    assert files(tmp_path / "again/02_intermediate") == files(tmp_path / "here/02_intermediate")


@pytest.fixture
def _local_afterwards():
    yield
    choose(Engine("local"))


@pytest.mark.usefixtures("_local_afterwards")
def test_a_cluster_that_does_not_answer_is_refused():
    pytest.importorskip("ray", reason="Ray is an extra and is not installed")
    choose(Engine("ray", "127.0.0.1:1"))
    with pytest.raises(InputError, match=r"at ray_address=127\.0\.0\.1:1 \(.*refused.*ray start --head"):
        list(in_order(pow, 2, [3]))


@pytest.mark.usefixtures("_local_afterwards")
def test_a_cluster_that_does_not_start_here_is_refused(monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is an extra and is not installed")

    def fail(*_, **__):
        raise Exception("The node timed out\nduring startup.")

    monkeypatch.setattr(ray, "init", fail)
    choose(Engine("ray"))
    with pytest.raises(InputError, match=r"cannot be started on this machine \(.*out during startup"):
        list(in_order(pow, 2, [3]))


@pytest.mark.usefixtures("_local_afterwards")
def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    choose(Engine("ray"))
    with pytest.raises(InputError, match=r"pip install --constraint constraints.txt '.\[ray\]'"):
        list(in_order(pow, 2, [3]))
