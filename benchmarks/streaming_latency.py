"""Live recovery on one core: how long a window takes, how far bodies lag, and how near they are to `recover`.

    OMP_NUM_THREADS=1 python benchmarks/streaming_latency.py [RUN]

A run's policy on head paths of its held-out motion, five seconds each. Agreement is the distance of joints,
over joints and frames, between what streamed out and what `recover` makes of the whole path with the same
seed. Two yardsticks stand beside it: `recover` with another seed, and `recover` of the path less its last
eleven frames, which moves every window.

Measured on a machine with twenty processes on two cores, which makes a CPU-second long: with 16 frames ahead
(533 ms) and a window every 8, 0.50 s of CPU a second of motion, 137 ms a window; a window every 4 takes 1.0.
In millimetres, the default run's policy on synthetic motion and the mocap run's pretrained denoiser on real:

    frames ahead, hop       synthetic: median, mean, 90 %    real: median, mean, 90 %    jerk, m/s³
    8, 4                    9.6   19.4   49.1                7.6   23.2   48.7           121, 123
    12, 4                   8.2   16.5   42.1                6.2   19.9   40.9           111, 108
    16, 4                   7.3   14.4   35.8                5.2   17.5   35.8           100, 89
    16, 8                   7.4   15.1   38.5                5.3   18.0   34.8           106, 90
    recover, another seed   4.6    8.1   19.3                4.0   17.9   47.0           102, 80
    recover, windows moved  2.8    7.0   17.1                2.8    8.9   23.0            96, 80
    recover                                                                              101, 79

The median is over joints and frames; that of ankles and feet alone is larger, 23 and 12 mm at 16, 8.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, BodyModel, load_body_model
from motiongrpo.body.skeleton import BODY_JOINTS, FEET
from motiongrpo.diffusion.recovery import recover, with_frame_before
from motiongrpo.diffusion.streaming import StreamingConfig, StreamingRecovery
from motiongrpo.diffusion.trained import TrainedDenoiser, load_trained
from motiongrpo.head.flaws import HeadRepairConfig
from motiongrpo.motion.store import MotionStore, open_store
from motiongrpo.motion.windows import split_rows

DATA = Path("data")
PATHS, FRAMES, SEED, CUT = 6, 150, 0, 11
CONFIGS = ((8, 4), (12, 4), (16, 4), (16, 8))  # look-ahead and hop, in frames

Joints = list[torch.Tensor]  # of each path: (frame, 22, 3)


def held_out(store: MotionStore, sequences: list[int]) -> list[torch.Tensor]:
    """Head paths (frame, 7) of sequences that are long enough, evenly spaced."""
    long = [s for s in sequences if store.sequences["frames"][s] >= FRAMES]
    chosen = [long[i] for i in np.linspace(0, len(long) - 1, PATHS).round().astype(int)]
    first = store.sequences["first"].to_numpy()[chosen]
    frames = np.full(len(chosen), FRAMES)
    return list(torch.from_numpy(store.stretches(("T_world_cpf",), first, frames, FRAMES)))


def offline(model: TrainedDenoiser, body: BodyModel, paths: list[torch.Tensor], seed: int) -> Joints:
    """What `recover` makes of whole paths."""
    motions = [recover(model, with_frame_before(path), 1, seed) for path in paths]
    return [motion.posed(body)[1].p_world_joint[0, :, :BODY_JOINTS] for motion in motions]


def streamed(stream: StreamingRecovery, path: torch.Tensor) -> tuple[torch.Tensor, list[tuple[float, float]]]:
    """What comes out of a stream, and the seconds of CPU and of wall of each push."""
    bodies, seconds = [], []
    for frame, pose in enumerate(path):
        cpu, wall = time.process_time(), time.perf_counter()
        bodies += stream.push(frame / stream.model.usage.fps, pose)
        seconds.append((time.process_time() - cpu, time.perf_counter() - wall))
    return torch.stack([body.p_world_joint for body in bodies + stream.finish()]), seconds


def agreement(a: Joints, b: Joints, fps: float) -> str:
    """Distances of joints in millimetres, and the jerk of the second in m/s³."""
    distance = torch.cat([(x[: len(y)] - y).norm(dim=-1) for x, y in zip(a, b, strict=True)]) * 1000
    jerk = torch.cat([y.diff(n=3, dim=0).norm(dim=-1) for y in b]).mean() * fps**3
    feet = distance[:, list(FEET)].median()
    return (
        f"median {distance.median():.1f} mm, mean {distance.mean():.1f}, 90 % under "
        f"{distance.quantile(0.9):.1f}, feet (median) {feet:.1f}, jerk {jerk:.0f} m/s³"
    )


def timing(seconds: np.ndarray, hop: int, fps: float) -> str:
    """Of pushes in turn, of which every so many-th denoises a window."""
    windows = seconds.reshape(-1, 2) * 1000
    windows = windows[windows[:, 0] > np.quantile(windows[:, 0], 1 - 0.9 / hop)]
    (cpu, wall), (slow_cpu, slow_wall) = np.median(windows, 0), np.quantile(windows, 0.99, axis=0)
    load = seconds[..., 0].sum() * fps / seconds[..., 0].size
    return (
        f"a window {cpu:.0f} ms of CPU and {wall:.0f} of wall, 99 % under {slow_cpu:.0f} and "
        f"{slow_wall:.0f}; {load:.2f} s of CPU a second of motion"
    )


def measure(model: TrainedDenoiser, paths: list[torch.Tensor]) -> None:
    body, fps = load_body_model(OPEN_BODY), model.usage.fps
    breaks = HeadRepairConfig(**section("recovery")["repair"])
    whole = offline(model, body, paths, SEED)
    another = offline(model, body, paths, SEED + 1)
    moved = offline(model, body, [path[:-CUT] for path in paths], SEED)
    print(f"recover itself: {agreement(whole, whole, fps)}")
    print(f"recover, another seed: {agreement(whole, another, fps)}")
    print(f"recover, windows moved: {agreement(whole, moved, fps)}")
    for look_ahead, hop in CONFIGS:
        config = StreamingConfig(look_ahead_frames=look_ahead, hop_frames=hop)
        runs = [streamed(StreamingRecovery(model, body, config, breaks, SEED), path) for path in paths]
        print(f"{1000 * look_ahead / fps:.0f} ms ahead, a window every {hop} frames:")
        print(f"    {agreement(whole, [joints for joints, _ in runs], fps)}")
        print(f"    {timing(np.array([seconds for _, seconds in runs]), hop, fps)}", flush=True)


def main(run: str) -> None:
    torch.set_num_threads(1)
    checkpoint = DATA / "06_models" / run / "policy.safetensors"
    if not checkpoint.is_file():
        print(f"needs a trained policy, and there is none at '{checkpoint}': make run")
        return
    table = pd.read_csv(DATA / "05_model_input" / run / "windows.csv", dtype={"subject": str})
    store = open_store(DATA / "02_intermediate" / run / "motions")
    sequences = split_rows(table, "test")["sequence"].unique().tolist()
    measure(load_trained(checkpoint), held_out(store, sequences))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default")
