"""The gain of two and four processes in a step of each training, and of a second thread instead.

    python benchmarks/processes.py [DATA [RUN]]

It trains on the motion and models of a run with the parameters of `conf/base`, and writes nothing. It reports
wall-clock seconds, and CPU-seconds of the leader: where every process has its own core or GPU, the latter are
those of the training, and the part that does not shrink is the work that every process repeats. The best of
three stretches.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from _parameters import section

from motiongrpo.base.checkpoint import load_checkpoint
from motiongrpo.base.processes import on_processes
from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.motion.store import open_store
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.policy.grpo import GrpoConfig
from motiongrpo.rewards.training import RewardModelConfig
from motiongrpo.training.materials import Materials
from motiongrpo.training.perceptual import train_judge
from motiongrpo.training.post_training import train_policy
from motiongrpo.training.pretraining import train_prior

WAYS, STRETCHES = ((1, 1), (1, 2), (2, 2), (4, 4)), 3  # number of processes, and of threads in total
STEPS = {"pretraining": 10, "reward_model": 5, "grpo": 1}  # steps of a stretch


def materials(data: Path, run: str) -> Materials:
    models, table = data / "06_models" / run, data / "05_model_input" / run / "windows.csv"
    return Materials(
        motions=open_store(data / "02_intermediate" / run / "motions"),
        windows=pd.read_csv(table, dtype={"subject": str}),
        body=load_body_model(OPEN_BODY),
        window=WindowConfig(length=32, at_least=16),
        device="cpu",
        pretrained=load_checkpoint(models / "pretrained_denoiser.safetensors", "denoiser"),
        reward_model=load_checkpoint(models / "reward_model.safetensors", "reward_model"),
    )


def trainings(given: Materials) -> dict[str, tuple[Callable[..., Iterator[Any]], tuple[Any, ...]]]:
    """Each training as a function and its inputs; a stretch ends with a checkpoint."""
    pace = {name: {"checkpoint_every": steps, "seed": 0} for name, steps in STEPS.items()}
    prior = PretrainingConfig.model_validate(section("pretraining") | pace["pretraining"])
    judge = RewardModelConfig.model_validate(section("reward_model") | pace["reward_model"])
    policy = section("grpo") | pace["grpo"]
    policy["diagnostics"]["every"] = None
    return {
        "pretraining": (train_prior, (replace(given, planned=prior.denoiser), None, prior, judge.sampling)),
        "reward_model": (train_judge, (given, None, judge)),
        "grpo": (train_policy, (given, None, GrpoConfig.model_validate(policy))),
    }


def seconds_a_step(
    name: str, training: Callable[..., Iterator[Any]], inputs: tuple, count: int, threads: int
) -> tuple[float, float]:
    """Wall-clock seconds, and CPU-seconds of the leader, per step."""
    torch.set_num_threads(threads)
    steps = on_processes(count, "cpu", training, *inputs)
    times = [(time.perf_counter(), time.process_time()) for _ in islice(steps, STRETCHES + 1)]
    steps.close()  # type: ignore[attr-defined]
    stretches = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(times)]
    wall, cpu = (min(seconds) / STEPS[name] for seconds in zip(*stretches, strict=True))
    return wall, cpu


def main(data: Path, run: str) -> None:
    if not (data / "06_models" / run / "reward_model.safetensors").is_file():
        print(f"needs the models of a run, and there are none in '{data / '06_models' / run}': make run")
        return
    for name, (training, inputs) in trainings(materials(data, run)).items():
        for count, threads in WAYS:
            wall, cpu = seconds_a_step(name, training, inputs, count, threads)
            what = f"{name}, processes {count}, threads {threads}"
            print(f"{what}: {wall:.3f} s a step, {cpu:.3f} CPU-s of the leader", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"), sys.argv[2] if len(sys.argv) > 2 else "default")
