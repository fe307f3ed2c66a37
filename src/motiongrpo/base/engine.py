"""Many jobs of one kind: one after the other in this process, or many at once by workers of a Ray cluster.

The engine is chosen once for a whole process, as the number of torch's threads is. It decides where jobs are
done and changes no result: workers take as many threads of torch as this process has, and a job that draws
does so under seeds of its own. Workers see the files of this process under the same paths.
"""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from motiongrpo.base.errors import InputError

NO_RAY = (
    "engine=ray needs the package ray, which is not installed: pip install --constraint constraints.txt "
    "'.[ray]'"
)
LIVES = 4  # workers that a job may be given, one after another, before its loss is no accident
AHEAD = 4  # jobs a worker whose results wait for an earlier job's, and are held in memory
PATIENCE_S = 10  # with a cluster that does not answer
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # workers without a GPU see none, and nothing is said about it
    "RAY_raylet_start_wait_time_s": "120",  # 30 are not enough where others use the machine
    "RAY_worker_niceness": "0",  # of 15, Ray's own choice, next to nothing is left where others work
}
"""Of a cluster that is started here, unless the caller's says otherwise."""

Given = TypeVar("Given")
Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    """Who does the jobs: this process, or workers of a Ray cluster."""

    name: Literal["local", "ray"]
    address: str | None = None  # HOST:PORT of a cluster, auto for that of this machine; none starts one here


_chosen = Engine("local")


def choose(engine: Engine) -> None:
    """Let all jobs of this process be done by `engine` from now on."""
    global _chosen
    _chosen = engine


def elsewhere() -> bool:
    """Whether jobs are done by other processes than this one."""
    return _chosen.name != "local"


def as_done(
    work: Callable[[Given, Job], Result],
    given: Given,
    jobs: Iterable[tuple[str, Job]],
    device: str = "cpu",
) -> Iterator[tuple[str, Result]]:
    """Each job's name with `work(given, job)`, in the order in which workers are done; else as `in_steps`."""
    return in_steps(partial(_once, work), given, jobs, device)


def in_steps(
    work: Callable[[Given, Job], Iterator[Result]],
    given: Given,
    jobs: Iterable[tuple[str, Job]],
    device: str = "cpu",
) -> Iterator[tuple[str, Result]]:
    """Each job's name with every result of `work(given, job)`; on several workers, those of jobs mingle.

    A job takes its next step when its last result has been taken, so that what the caller wrote is on disk by
    then. The job of a worker that dies is begun again, and finds on disk what it left. What a job raises is
    raised here; a job that several workers die of is refused as InputError.
    """
    if not elsewhere():
        for name, job in jobs:
            for result in work(given, job):
                yield name, result
        return
    with _crew(work, given, device) as crew:
        yield from crew.steps(jobs)


def in_order(
    work: Callable[[Given, Job], Result], given: Given, jobs: Iterable[Job], device: str = "cpu"
) -> Iterator[Result]:
    """`work(given, job)` of every job, in their order; else as `in_steps`."""
    if not elsewhere():
        yield from (work(given, job) for job in jobs)
        return
    with _crew(work, given, device) as crew:
        yield from crew.in_order(jobs)


def _once(work: Callable[[Given, Job], Result], given: Given, job: Job) -> Iterator[Result]:
    yield work(given, job)


class _Worker:
    """A process of the cluster, which does one job at a time.

    Ray starts a dead one anew and repeats the call it did not answer. No job is under way then, and the one
    that is asked for begins.
    """

    def __init__(self, threads: int, folder: Path) -> None:
        torch.set_num_threads(threads)
        self.folder, self.name = folder, ""
        self.given: Any = None
        self.steps: Iterator[Any] = iter(())

    def one(self, task: "_Task", job: Any) -> Any:
        """The result of a job that has one."""
        return task.work(self._given(task), job)

    def step(self, task: "_Task", name: str, job: Any) -> list[Any]:
        """The next result of a job, or nothing where it is done."""
        given = self._given(task)
        if name != self.name:
            self.name, self.steps = name, task.work(given, job)
        return list(islice(self.steps, 1))

    def _given(self, task: "_Task") -> Any:
        """What all jobs are given, fetched once."""
        import ray

        if self.given is None:
            os.chdir(self.folder)
            self.given = ray.get(task.given)
        return self.given


@dataclass(frozen=True)
class _Task:
    """What is done with every job, and where the cluster keeps what all of them are given."""

    work: Callable[..., Any]
    given: Any  # a reference of Ray's


@dataclass(frozen=True)
class _Crew:
    """The workers of a cluster that this process is connected to."""

    task: _Task
    new_worker: Callable[[], Any]  # a handle of Ray's
    most: int

    def steps(self, jobs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """A worker for every job until there are no more of either; whoever is done takes the next job."""
        import ray

        waiting, idle = iter(jobs), []
        asked: dict[Any, tuple[Any, str, Any]] = {}
        while True:
            for name, job in islice(waiting, self.most - len(asked)):
                worker = idle.pop() if idle else self.new_worker()
                asked[worker.step.remote(self.task, name, job)] = (worker, name, job)
            if not asked:
                return
            (answer,), _ = ray.wait(list(asked), num_returns=1)
            worker, name, job = asked.pop(answer)
            results = _answer(answer, name)
            for result in results:
                yield name, result
                asked[worker.step.remote(self.task, name, job)] = (worker, name, job)
            if not results:
                idle.append(worker)

    def in_order(self, jobs: Iterable[Any]) -> Iterator[Any]:
        """Jobs are dealt out in turn, some ahead of the one whose result is due."""
        workers: list[Any] = []
        due: deque[tuple[Any, str]] = deque()
        for number, job in enumerate(jobs):
            if len(workers) < self.most:
                workers.append(self.new_worker())
            due.append((workers[number % len(workers)].one.remote(self.task, job), str(job)))
            if len(due) == AHEAD * self.most:
                yield _answer(*due.popleft())
        while due:
            yield _answer(*due.popleft())


@contextmanager
def _crew(work: Callable[..., Any], given: Any, device: str) -> Iterator[_Crew]:
    """Workers that hold `given`, until the end of the block; a job on a GPU has one of its own."""
    with _connected(_chosen.address):
        import ray

        threads, gpus = torch.get_num_threads(), int(device.startswith("cuda"))
        task, folder = _Task(work, ray.put(given)), Path.cwd()
        worker = ray.remote(_Worker).options(
            num_cpus=threads,
            num_gpus=gpus,
            max_restarts=-1,
            max_task_retries=LIVES - 1,
            scheduling_strategy="SPREAD",
        )
        yield _Crew(task, lambda: worker.remote(threads, folder), _room(threads, gpus))


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """A connection to the cluster at `address`, or to one of this machine alone that ends with the block."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError(NO_RAY) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    _demand_answer(address)
    here = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address is None else {}
    try:
        ray.init(address or "local", configure_logging=False, log_to_driver=False, **here)
    except Exception as error:  # Ray raises it bare where its own processes do not start
        raise InputError(_unreachable(address, error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _demand_answer(address: str | None) -> None:
    """Raise InputError where nobody listens at HOST:PORT, which Ray would try for minutes."""
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(_unreachable(address, error)) from error


def _unreachable(address: str | None, error: Exception) -> str:
    why = " ".join(str(error).split())[:200]
    if address is None:
        return (
            f"Ray cannot be started on this machine ({why}); run the same command again, or with engine=local"
        )
    return (
        f"no Ray cluster can be reached at ray_address={address} ({why}); start one with ray start --head, "
        "or leave ray_address out for one on this machine"
    )


def _room(threads: int, gpus: int) -> int:
    """How many workers the cluster can hold at once; refused as InputError where it cannot hold one."""
    import ray

    machines = [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]
    room = [
        min(int(has.get(kind, 0)) // needs for kind, needs in (("CPU", threads), ("GPU", gpus)) if needs)
        for has in machines
    ]
    if not sum(room):
        most = max((int(has.get("CPU", 0)) for has in machines), default=0)
        raise InputError(
            f"no machine of the Ray cluster has {threads} cores{' and a GPU' if gpus else ''} for a job, the "
            f"largest has {most} cores; pass fewer with --params threads=N"
        )
    return sum(room)


def _answer(reference: Any, name: str) -> Any:
    """What a worker answered about the job of that name."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        why = str(error).strip().splitlines()[-1].strip()
        raise InputError(
            f"Ray lost {LIVES} workers in a row at '{name}', perhaps for want of memory ({why}); the same "
            "command goes on from there"
        ) from error
