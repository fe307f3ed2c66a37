"""What a second and a fourth process take off the first: CPU-seconds of the leader a step of each training.

    OMP_NUM_THREADS=1 python benchmarks/processes.py [DATA [RUN]]

Trains from the motion and models of a run with the parameters of `conf/base`, and writes nothing. Where every
process has a core or a GPU of its own, the leader's seconds are those of the training; what does not shrink
is what each process does alike. Of each training the best of three stretches.
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

PROCESSES, STRETCHES = (1, 2, 4), 3
STEPS = {"pretraining": 10, "reward_model": 5, "grpo": 1}  # of a stretch


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
    """Each training as a function and its inputs, a checkpoint being the end of a stretch."""
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


def seconds_a_step(name: str, training: Callable[..., Iterator[Any]], inputs: tuple, count: int) -> float:
    steps = on_processes(count, "cpu", training, *inputs)
    times = [time.process_time() for _ in islice(steps, STRETCHES + 1)]
    steps.close()  # type: ignore[attr-defined]
    return min(after - before for before, after in pairwise(times)) / STEPS[name]


def main(data: Path, run: str) -> None:
    torch.set_num_threads(1)
    if not (data / "06_models" / run / "reward_model.safetensors").is_file():
        print(f"needs the models of a run, and there are none in '{data / '06_models' / run}': make run")
        return
    for name, (training, inputs) in trainings(materials(data, run)).items():
        seconds = {count: seconds_a_step(name, training, inputs, count) for count in PROCESSES}
        row = ", ".join(f"{count}: {s:.3f} s ({seconds[1] / s:.2f}×)" for count, s in seconds.items())
        print(f"{name}, CPU-seconds of the leader a step by processes: {row}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"), sys.argv[2] if len(sys.argv) > 2 else "default")
