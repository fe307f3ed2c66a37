"""The gain of `torch.compile`, bfloat16 and inference mode on a CPU, at the sizes of `conf/base`.

    OMP_NUM_THREADS=1 python benchmarks/compiled.py

Ways take turns, in CPU-seconds of one thread; worth is the median over the rounds, then the smallest and the
largest. Compiling is timed with an empty cache, g++ included. Rollouts are 10 levels of 64 samples, a pass of
gradients 8. Measured on a busy server without instructions for bfloat16:

                               plain     compiled                    compiling   bfloat16
    a step of pretraining      0.157 s   1.07 (1.00 to 1.15)         63 s        0.12
    rollouts                   0.84 s    1.09 (0.95 to 1.23)         45 s        0.13
    a gradient pass            1.67 s    1.03 (0.94 to 1.11)         83 s        0.11
    φ, without gradient        0.159 s   1.09 (0.96 to 1.16)         27 s
    φ, with                    0.523 s   1.10 (1.00 to 1.22)         50 s

Rollouts in inference mode are worth 1.01 (0.95 to 1.09). The audit, of groups of which one was left out after
sampling, finds the same bits in all three ways.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import torch
from _paper import Size, Trainer, Way, drawn, paper
from _parameters import section

from motiongrpo.base.compilation import with_compiler
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.policy.grpo import AUDIT_LIMIT
from motiongrpo.policy.rollout import RolloutConfig, Rollouts
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel

ROUNDS, SLOW_ROUNDS = 15, 3  # bfloat16 is emulated where a CPU has none

Works = dict[str, Callable[[], Any]]


def base() -> Size:
    """`conf/base` on a CPU."""
    prior, rollout = section("pretraining"), RolloutConfig(**section("grpo")["rollout"])
    network = {"device": "cpu", "denoiser": DenoiserConfig(**prior["denoiser"])}
    return replace(paper(), **network, rollout=rollout, frames=32, batch=prior["batch_size"])


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU-seconds of this process and of its ended child processes."""

    def now() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    started = now()
    work()
    return now() - started


def compare(what: str, ways: Works, rounds: int) -> None:
    """Compare the first way with the others."""
    first = {name: cpu_seconds(work) for name, work in ways.items()}
    seconds = [{name: cpu_seconds(work) for name, work in ways.items()} for _ in range(rounds)]
    plain, *others = ways
    usual = {name: median(row[name] for row in seconds) for name in ways}
    print(f"{what}: {plain} {usual[plain]:.3f} s")
    for name in others:
        ratios = [row[plain] / row[name] for row in seconds]
        told = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        saved, lost = usual[plain] - usual[name], first[name] - usual[name]
        back = f", won back after {lost / saved:.0f}" if saved > 0 else ""
        print(f"  {name} {usual[name]:.3f} s, worth {told}; {lost:.0f} s before the first{back}", flush=True)


def parts(size: Size, trainer: Trainer, rollouts: Rollouts) -> Works:
    """The uses of a denoiser in a run, with one way of evaluating it."""
    windows = drawn(size, 0)
    return {
        "a step of pretraining": lambda: trainer.pretrain(windows),
        "rollouts": lambda: trainer.roll_out(size.rollout.conditions),
        "a gradient pass": lambda: trainer.learn(rollouts),
    }


def perceptual(size: Size, compiled: bool, training: bool) -> Callable[[], Any]:
    """A pass of φ over the samples of an update, with its gradient or without."""
    torch.manual_seed(0)
    model = PerceptualModel(PerceptualConfig(**section("reward_model")["model"])).requires_grad_(training)
    with_compiler(model, size.compiler if compiled else None)
    rows = size.rollout.conditions * size.rollout.group_size
    features, condition = torch.randn(rows, size.frames, 22, 13), torch.zeros(rows, size.frames, 154)
    mask = torch.ones(rows, size.frames, dtype=torch.bool)

    def work() -> None:
        logit = model(features, condition, mask)
        if training:
            logit.sum().backward()

    return work


def measure(size: Size) -> None:
    ways = {"plain": Way(), "compiled": Way(compiled=True), "bf16": Way("bf16")}
    trainers = {name: Trainer(size, way) for name, way in ways.items()}
    groups = torch.arange(size.rollout.conditions)
    rollouts = trainers["plain"].roll_out(len(groups))
    works = {name: parts(size, trainer, rollouts) for name, trainer in trainers.items()}
    for what, plain in works["plain"].items():
        compare(what, {"plain": plain, "compiled": works["compiled"][what]}, ROUNDS)
        compare(what, {"plain": plain, "bf16": works["bf16"][what]}, SLOW_ROUNDS)
    plain = works["plain"]["rollouts"]
    compare("rollouts", {"no_grad": plain, "inference_mode": torch.inference_mode()(plain)}, ROUNDS)
    for training in (False, True):
        judges = {name: perceptual(size, name == "compiled", training) for name in ("plain", "compiled")}
        compare(f"the perceptual model, {'with' if training else 'without'} gradient", judges, ROUNDS)
    for name, trainer in trainers.items():
        found = trainer.learn(trainer.roll_out(len(groups)).groups(groups > 0)).per_dim
        print(f"audit, {name}: {found:.1e} nats a dimension, the limit is {AUDIT_LIMIT:.0e}", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    size = base()
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"TORCHINDUCTOR_CACHE_DIR": cache, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        measure(size)


if __name__ == "__main__":
    main()
