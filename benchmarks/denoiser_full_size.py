"""EgoAllo's full-size denoiser (50.4 million parameters) on a CPU within 8 GB: time and memory.

    python benchmarks/denoiser_full_size.py

One forward and one backward pass of a window of 128 frames, an AdamW step, one motion sampled in 30 steps.

Measured on one thread of a busy server, in CPU-seconds: forward 0.18, forward and backward 0.62, AdamW step
0.33, one motion 5.3; peak memory 1.16 GB.
"""

import resource
import time
from collections.abc import Callable

import torch
from _parameters import section

from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.representation import feature_count
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import EGOALLO_PLAN

FRAMES, LIMIT_GB = 128, 8.0
CONFIG = DenoiserConfig(**section("pretraining", env="paper")["denoiser"])


def peak_gb() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def report(what: str, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<24} {wall:6.2f} s, {cpu:6.2f} s of CPU, peak {peak_gb():.2f} GB")


def main() -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(CONFIG)
    parameters = sum(p.numel() for p in denoiser.parameters())
    print(f"{parameters:,} parameters, {torch.get_num_threads()} threads, peak {peak_gb():.2f} GB")
    path = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.6]).repeat(1, FRAMES + 1, 1)
    x = torch.randn(1, 1, FRAMES, feature_count(hands=True))
    t, condition = torch.tensor([500]), denoiser.condition(path)
    adam = torch.optim.AdamW([p for p in denoiser.parameters() if p.requires_grad])

    def forward() -> torch.Tensor:
        return denoiser(x, t, condition, None)

    def sampling() -> None:
        config = SamplingConfig(steps=30, eta=1.0, sampler="ddim", deterministic_below=0)
        sample_path(denoiser, path, 1, config, EGOALLO_PLAN, torch.Generator().manual_seed(0))

    with torch.no_grad():
        report("forward, first", forward)
        report("forward", forward)
    report("forward and backward", lambda: forward().square().mean().backward())
    report("AdamW step", adam.step)
    report("one motion, 30 steps", sampling)
    if peak_gb() > LIMIT_GB:
        raise SystemExit(f"more than {LIMIT_GB:g} GB were needed")


if __name__ == "__main__":
    main()
