"""Many jobs of one kind: one after the other in this process, or in parallel by workers of a Ray cluster.

The engine is chosen once for a whole process, like the number of torch's threads. It decides where jobs run
and does not change results: workers use as many torch threads as this process, and a job that draws random
numbers has its own seeds. Workers must see the files of this process under the same paths.
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
LIVES = 4  # workers that may die of a job, one after another, before it is refused
AHEAD = 4  # jobs per worker whose results may wait in memory for that of an earlier job
PATIENCE_S = 10  # with a cluster that does not answer
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # workers without a GPU see none, without a warning
    "RAY_raylet_start_wait_time_s": "120",  # 30 are not enough where others use the machine
    "RAY_worker_niceness": "0",  # with 15, Ray's default, workers get next to no time on a busy machine
}
"""The environment of a cluster that is started here; variables that are already set take precedence."""

Given = TypeVar("Given")
Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    """Where jobs run: in this process, or on workers of a Ray cluster."""

    name: Literal["local", "ray"]
    address: str | None = None  # HOST:PORT of a cluster, or auto for this machine's; None starts one here


_chosen = Engine("local")


def choose(engine: Engine) -> None:
    """Run all jobs of this process on `engine` from now on."""
    global _chosen
    _chosen = engine


def elsewhere() -> bool:
    """Whether jobs run in other processes than this one."""
    return _chosen.name != "local"


def as_done(
    work: Callable[[Given, Job], Result],
    given: Given,
    jobs: Iterable[tuple[str, Job]],
    device: str = "cpu",
) -> Iterator[tuple[str, Result]]:
    """Each job's name with `work(given, job)`, in the order of completion; otherwise like `in_steps`."""
    return in_steps(partial(_once, work), given, jobs, device)


def in_steps(
    work: Callable[[Given, Job], Iterator[Result]],
    given: Given,
    jobs: Iterable[tuple[str, Job]],
    device: str = "cpu",
) -> Iterator[tuple[str, Result]]:
    """Each job's name with every result of `work(given, job)`; those of parallel jobs are interleaved.

    A job takes its next step once the caller has asked for the next result, so whatever the caller writes is
    on disk by then. When a worker dies, its job starts again and finds on disk what was written. Exceptions
    of jobs are raised here; a job that several workers die of raises InputError.
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
    """`work(given, job)` of every job, in the order of jobs; otherwise like `in_steps`."""
    if not elsewhere():
        yield from (work(given, job) for job in jobs)
        return
    with _crew(work, given, device) as crew:
        yield from crew.in_order(jobs)


def _once(work: Callable[[Given, Job], Result], given: Given, job: Job) -> Iterator[Result]:
    yield work(given, job)


class _Worker:
    """A process of the cluster that runs one job at a time.

    Ray restarts a dead worker and repeats the call that was not answered. No job is under way then, so the
    requested one starts from its beginning.
    """

    def __init__(self, threads: int, folder: Path) -> None:
        torch.set_num_threads(threads)
        self.folder, self.name = folder, ""
        self.given: Any = None
        self.steps: Iterator[Any] = iter(())

    def one(self, task: "_Task", job: Any) -> Any:
        """The result of a job with a single result."""
        return task.work(self._given(task), job)

    def step(self, task: "_Task", name: str, job: Any) -> list[Any]:
        """The next result of a job, or nothing when it has finished."""
        given = self._given(task)
        if name != self.name:
            self.name, self.steps = name, task.work(given, job)
        return list(islice(self.steps, 1))

    def _given(self, task: "_Task") -> Any:
        """The common input of all jobs, fetched once."""
        import ray

        if self.given is None:
            os.chdir(self.folder)
            self.given = ray.get(task.given)
        return self.given


@dataclass(frozen=True)
class _Task:
    """The function that is applied to every job, and a reference to the common input of all jobs."""

    work: Callable[..., Any]
    given: Any  # a Ray object reference


@dataclass(frozen=True)
class _Crew:
    """The workers of a cluster that this process is connected to."""

    task: _Task
    new_worker: Callable[[], Any]  # makes a Ray actor handle
    most: int

    def steps(self, jobs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """The results of all jobs as they come; a worker that has finished a job takes the next."""
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
        """The results in the order of jobs; some jobs are given out ahead of the one whose result is due."""
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
    """Workers that hold `given`, until the end of the block; each has its own GPU where jobs use one."""
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
    """A connection to the cluster at `address`, or to a local one that ends with the block."""
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
    """Raise InputError where nothing listens at HOST:PORT, since Ray would keep trying for minutes."""
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
    """How many workers the cluster can run at once; InputError where it cannot run even one."""
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
    """A worker's answer about the job of that name; raises what the job raised."""
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
