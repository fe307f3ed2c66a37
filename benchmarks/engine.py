"""The gain from a second worker in an ablation: its cells on one worker of a Ray cluster, then on two.

    OMP_NUM_THREADS=1 python benchmarks/engine.py [DATA ENV]

The cells of the 2×2 grid, at the pace of `ablation.quick`, are trained and scored anew each time, and written
to a temporary folder. Time is each worker's own CPU time, so that other programs do not count: two workers
take as long as the busier one. Without a data folder, the run of `--env smoke` is made first, and a cell has
12 updates.
"""

import logging
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from motiongrpo.base.checkpoint import CheckpointTree
from motiongrpo.base.engine import ENVIRONMENT, Engine, choose, in_steps
from motiongrpo.datasets.trees import CheckpointSeriesTree
from motiongrpo.experiments.ablation import PlannedCell
from motiongrpo.experiments.bench import Bench, Saves
from motiongrpo.pipelines.ablation.nodes import lay_out_bench

ROOT = Path(__file__).parents[1]
MADE_FROM = ["motions", "windows", "body_model", "pretrained_denoiser", "reward_model"]
SMOKE = {"short": {"updates": 12, "checkpoint_every": 4}}
MACHINE = {"num_cpus": 1, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}


def bench_of(data: Path, env: str, pace: dict[str, Any]) -> Bench:
    """The cells of the grid on the motion and models of a run; with a `pace`, these are made first."""
    grid = ["joint", "joint_visual", "joint_perlin", "joint_visual_perlin"]
    parameters = {"data": str(data), "threads": 1, "ablation": {"only": grid, "quick": True} | pace}
    if pace:
        with KedroSession.create(ROOT, env=env, runtime_params=parameters) as session:
            session.run(pipeline_names=["ingestion", "pretraining", "reward_model"])
    with KedroSession.create(ROOT, env=env, runtime_params=parameters) as session:
        context = session.load_context()
        loaded = [context.catalog.load(name) for name in MADE_FROM]
    nowhere = CheckpointTree(data / "nowhere")
    return lay_out_bench(*loaded, nowhere, {}, context.params, context.params["device"], "fp32")


def timed(bench: Bench, planned: PlannedCell) -> Iterator[tuple[int, float, Saves]]:
    """The steps of a cell, with the worker that made each and its CPU time."""
    steps = bench.made(planned)
    while True:
        started = time.process_time()
        saves = next(steps, None)
        yield os.getpid(), time.process_time() - started, saves or ({}, {}, {})
        if saves is None:
            return


def by_worker(bench: Bench, folder: Path) -> tuple[list[float], float]:
    """CPU-seconds of each worker on all cells, and wall-clock seconds including the start of workers."""
    here = replace(bench, trained=CheckpointTree(folder))
    cells = [(here.name(planned), planned) for planned in here.plan]
    spent: dict[int, float] = defaultdict(float)
    started = time.perf_counter()
    for _, (worker, seconds, (_, checkpoints, _)) in in_steps(timed, here, cells):
        CheckpointSeriesTree(str(folder)).save(checkpoints)
        spent[worker] += seconds
    return sorted(spent.values()), time.perf_counter() - started


def main(data: Path, env: str, pace: dict[str, Any]) -> None:
    os.environ.update(ENVIRONMENT)  # read by Ray when it is imported
    from ray.cluster_utils import Cluster

    torch.set_num_threads(1)
    bootstrap_project(ROOT)
    bench = bench_of(data, env, pace)
    logging.disable(logging.WARNING)
    cluster = Cluster(initialize_head=True, head_node_args=MACHINE)
    choose(Engine("ray", cluster.address))
    with tempfile.TemporaryDirectory() as folder:
        one, wall = by_worker(bench, Path(folder) / "one")
        print(
            f"{len(bench.plan)} cells by one worker: {sum(one):.1f} CPU-s, {wall:.0f} s on the wall",
            flush=True,
        )
        cluster.add_node(**MACHINE)
        two, wall = by_worker(bench, Path(folder) / "two")
        print(f"by two: {', '.join(f'{s:.1f}' for s in two)} CPU-s, {wall:.0f} s on the wall", flush=True)
        print(f"two workers against one: {sum(one) / max(two):.2f}×")
    cluster.shutdown()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), sys.argv[2], {})
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made), "smoke", SMOKE)
