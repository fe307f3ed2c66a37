"""The bottleneck of a GRPO update on one thread: its matrix products, or everything else.

    OMP_NUM_THREADS=1 python benchmarks/profile_grpo.py

The toy of `benchmarks/grpo.py` at 144 features and 2 + 2 layers. The operations of an update's matrix
products are counted and compared with the rate of a product of large matrices in the same run, so that the
share does not depend on other users of the machine. `at most` is the upper bound for any trainer with these
products: samples in the time that the products alone would take at that rate.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from grpo import GROUP_SIZE, GROUPS, OPTIMISER, SURROGATE, PlainDenoiser, network, rollout_config, still_heads
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from motiongrpo.base.optimisation import Optimiser
from motiongrpo.policy.rollout import roll_out, trainable_steps
from motiongrpo.policy.update import gradient_pass

SIDE, ROUNDS = 1024, 3


def gflops(operations: float, work: Callable[[], Any]) -> float:
    """Gigaflops per CPU-second, of the fastest of several rounds."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return operations / min(seconds) / 1e9


def counted(work: Callable[[], Any]) -> tuple[float, Any]:
    """Floating-point operations of the matrix products, and the result."""
    with FlopCounterMode(display=False) as counter:
        result = work()
    return counter.get_total_flops(), result


def main() -> None:
    torch.set_num_threads(1)
    config, batch, generator = rollout_config("group"), still_heads(), torch.Generator().manual_seed(0)
    policy, reference = Optimiser(network(PlainDenoiser, 2), OPTIMISER), network(PlainDenoiser, 2)
    sampling = lambda: roll_out(policy.model, batch, config, trainable_steps(config), generator)  # noqa: E731
    operations, rollouts = counted(sampling)
    advantage = torch.randn(GROUPS, GROUP_SIZE, generator=generator)
    learning = lambda: gradient_pass(policy, reference, rollouts, advantage, SURROGATE, 0)  # noqa: E731
    a = torch.randn(SIDE, SIDE)
    peak = gflops(2 * SIDE**3, lambda: a @ a)
    print(f"large products {peak:.0f} GFLOP/s")
    parts = {"rolling out": (operations, sampling), "learning": (counted(learning)[0], learning)}
    for name, (count, work) in parts.items():
        rate = gflops(count, work)
        print(
            f"{name:<12} {count / 1e9:6.1f} GFLOP at {rate:.0f} GFLOP/s, {rate / peak:.0%} of that",
            flush=True,
        )
    most = GROUPS * GROUP_SIZE * peak * 1e9 / sum(count for count, _ in parts.values())
    print(f"at most {most:.0f} samples a second of CPU")
    with profile(activities=[ProfilerActivity.CPU]) as told:
        learning()
    print(told.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=44))


if __name__ == "__main__":
    main()
