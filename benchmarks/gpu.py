"""What one GPU does with a run of the paper's size: audit, GRPO update, pretraining, two processes at once.

    python benchmarks/gpu.py [FILE]         writes FILE, or gpu.json
    python benchmarks/gpu.py --toy [FILE]   a tiny network on the CPU, in a minute

The network, windows and groups are those of `conf/paper` (50.4 million parameters, 128 frames, 64 groups of
16, 30 levels), with every level trained that has a density. Samples are paid for their distance to a target,
so posing bodies and judging them is left out; heads stand still under Perlin noise. Needs an H100 or H200,
torch, numpy, scipy, pandas, pyyaml, safetensors, jaxtyping, pydantic and roma: no Kedro, data or network.

The file is written after every section. One that runs out of its seconds, or of memory, says so in its place,
and those after it still run: all end within ten minutes.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from _paper import (
    WAYS,
    Size,
    Trainer,
    Way,
    as_configured,
    drawn,
    forget_peak,
    paper,
    peak_gb,
    still_heads,
    synchronise,
    timed,
    toy,
)
from torch.multiprocessing import get_context
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from motiongrpo.base.ahead import made_ahead, threads_ahead
from motiongrpo.base.files import replace_text
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.policy.grpo import AUDIT_LIMIT

LIMIT_S, TWO_PROCESSES_S = 570.0, 90.0

Result = dict[str, Any]


def machine(size: Size) -> Result:
    """What it is, and the products of matrices it makes in a second."""
    name = torch.cuda.get_device_name() if size.device == "cuda" else "CPU"
    return {"name": name, "torch": torch.__version__} | {
        f"{kind}_tflops": tflops(size, dtype, kind == "tf32")
        for kind, dtype in (("fp32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16))
    }


def tflops(size: Size, dtype: torch.dtype, tf32: bool) -> float:
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    a = torch.randn(size.matrix, size.matrix, device=size.device).to(dtype)
    seconds = min(timed(size, lambda: a @ a)[0] for _ in range(5))
    return 2 * size.matrix**3 / seconds / 1e12


def audits(size: Size) -> Result:
    """How far densities that are computed again are from the rollout's, by the way of computing them."""
    found = {name: Trainer(size, way).warm_up() for name, way in WAYS.items() if not way.compiled}
    rows = {name: {"per_dim": audit.per_dim, "nats": audit.nats} for name, audit in found.items()}
    return rows | {"limit_per_dim": AUDIT_LIMIT}


def update(size: Size, way: Way) -> Result:
    """Seconds and memory of one whole update, and how much of what the device can do that is."""
    trainer = Trainer(size, way)
    warm, _ = timed(size, trainer.warm_up)
    forget_peak(size)
    rolling, rollouts = timed(size, lambda: trainer.roll_out(size.rollout.conditions))
    learning, audit = timed(size, lambda: trainer.learn(rollouts))
    flops = forward_flops(trainer)
    levels, trained = size.rollout.sampling.steps, len(rollouts.steps)
    return {
        "seconds": rolling + learning,
        "rolling_out_s": rolling,
        "learning_s": learning,
        "first_part_s": warm,
        "levels_trained": trained,
        "peak_gb": peak_gb(size),
        "rolling_out_tflops": flops * levels / rolling / 1e12,
        "learning_tflops": 3 * flops * trained / learning / 1e12,
        "audit_per_dim": audit.per_dim,
    }


def forward_flops(trainer: Trainer) -> float:
    """Of the network on all samples of an update at one level."""
    size, network = trainer.size, Denoiser(trainer.size.denoiser).to(trainer.size.device)
    batch = still_heads(size, 1)
    x = torch.zeros(1, size.rollout.group_size, size.frames, network.features, device=size.device)
    t = torch.ones(1, dtype=torch.long, device=size.device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x, t, network.condition(batch.T_world_cpf), None)
    return size.rollout.conditions * counter.get_total_flops()


def profiled(size: Size) -> Result:
    """Where the time of one part goes in bf16: the dozen costliest kernels or operations."""
    trainer = Trainer(size, WAYS["bf16"])
    trainer.warm_up()
    cuda = size.device == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as told:
        trainer.warm_up()
        synchronise(size)
    rows = told.key_averages()
    cost = attrgetter("self_device_time_total" if cuda else "self_cpu_time_total")
    whole = sum(map(cost, rows))
    costliest = sorted(rows, key=cost, reverse=True)[:12]
    return {row.key[:80]: {"share": cost(row) / whole, "calls": row.count} for row in costliest}


def pretraining(size: Size, way: Way) -> Result:
    """Steps a second, of windows that are there already; and with their noise drawn as a run does it."""
    trainer, windows = Trainer(size, way), drawn(size, 0)
    trainer.pretrain(windows)
    forget_peak(size)
    ready, _ = timed(size, lambda: [trainer.pretrain(windows) for _ in range(size.steps)])
    threads = threads_ahead(size.device)
    drawing = made_ahead(lambda step: drawn(size, step), range(size.steps), threads)
    ahead, _ = timed(size, lambda: [trainer.pretrain(windows) for windows in drawing])
    one_draw, _ = timed(size, lambda: drawn(size, 0))
    return {
        "steps_per_s": size.steps / ready,
        "drawing_steps_per_s": size.steps / ahead,
        "threads_that_draw": threads,
        "one_draw_s": one_draw,
        "peak_gb": peak_gb(size),
    }


def two_processes(size: Size) -> Result:
    """An update in bf16 by one process, and by two at once that take half of the groups each."""
    context = get_context("spawn")
    half = replace(size, rollout=size.rollout.model_copy(update={"conditions": size.rollout.conditions // 2}))
    start, seconds = context.Barrier(2), context.Queue()
    workers = [context.Process(target=take_part, args=(half, start, seconds), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    slower = max(seconds.get(timeout=TWO_PROCESSES_S) for _ in workers)
    return {"two_at_once_s": slower, "alone_s": update(size, WAYS["bf16"])["seconds"]}


def take_part(size: Size, start: Any, seconds: Any) -> None:
    """A process of its own: one update, begun when the other is warm too."""
    trainer = Trainer(size, WAYS["bf16"])
    trainer.warm_up()
    start.wait()
    took, _ = timed(size, lambda: trainer.learn(trainer.roll_out(size.rollout.conditions)))
    seconds.put(took)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError once so many seconds are over, also in the middle of a loop."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done within {seconds:.0f} s")

    if seconds <= 0:
        raise TimeoutError("no time was left")
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def sections(size: Size) -> dict[str, tuple[float, Callable[[], Result]]]:
    """By name: the most seconds, and what is measured. What is worth most comes first."""
    return {
        "machine": (20, lambda: machine(size)),
        "audit": (60, lambda: audits(size)),
        "update bf16": (60, lambda: update(size, WAYS["bf16"])),
        "update bf16, levels of conf/paper": (45, lambda: update(as_configured(size), WAYS["bf16"])),
        "profile": (30, lambda: profiled(size)),
        "update bf16 compiled": (150, lambda: update(size, WAYS["bf16 compiled"])),
        "two processes": (TWO_PROCESSES_S, lambda: two_processes(size)),
        "pretraining bf16": (45, lambda: pretraining(size, WAYS["bf16"])),
        "pretraining fp32": (60, lambda: pretraining(size, WAYS["fp32"])),
        "update tf32": (90, lambda: update(size, WAYS["tf32"])),
        "update fp32": (150, lambda: update(size, WAYS["fp32"])),
    }


def measure(size: Size, file: Path, limit_s: float = LIMIT_S) -> Result:
    """Every section that there is time for, written to the file as soon as it is known."""
    started, found = time.perf_counter(), {}
    for name, (most_s, work) in sections(size).items():
        left = limit_s - (time.perf_counter() - started)
        try:
            with within(min(most_s, left)):
                found[name] = work()
        except Exception as error:  # on a machine that is lent for minutes the others must still be measured
            found[name] = {"failed": f"{type(error).__name__}: {error}"[:300]}
        found["seconds"] = time.perf_counter() - started
        replace_text(file, json.dumps(found, indent=2) + "\n")
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


def main() -> None:
    given = [argument for argument in sys.argv[1:] if argument != "--toy"]
    size = toy() if "--toy" in sys.argv else paper()
    if size.device == "cuda" and not torch.cuda.is_available():
        print("needs a GPU, and torch finds none; --toy runs on the CPU")
        return
    measure(size, Path(given[0] if given else "gpu.json"))


if __name__ == "__main__":
    main()
