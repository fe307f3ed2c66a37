"""Live recovery on one core: how long a window takes, how far bodies lag, and how near they are to `recover`.

    OMP_NUM_THREADS=1 python benchmarks/streaming_latency.py [RUN]

A run's policy, or its pretrained denoiser, on held-out head paths of its motion store. Agreement is the
distance of joints, over joints and frames, between what streamed out and what `recover` makes of the whole path
with the same seed. Two yardsticks stand beside it: `recover` with another seed, and `recover` of the path less
its last eleven frames, which moves every window.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from motiongrpo.body.body_model import OPEN_BODY, BodyModel, load_body_model
from motiongrpo.body.skeleton import BODY_JOINTS, FEET
from motiongrpo.diffusion.recovery import recover, with_frame_before
from motiongrpo.diffusion.streaming import BodyFrame, StreamingConfig, StreamingRecovery
from motiongrpo.diffusion.trained import TrainedDenoiser, load_trained
from motiongrpo.motion.splits import SPLITS
from motiongrpo.motion.store import MotionStore, open_store
from motiongrpo.motion.windows import split_rows

DATA = Path("data")
PATHS, FRAMES, SEED, CUT = 8, 150, 0, 11
CONFIGS = ((4, 4), (8, 4), (12, 4), (16, 4), (16, 8), (24, 8))  # look-ahead and hop, in frames


def held_out(store: MotionStore, sequences: list[int]) -> list[torch.Tensor]:
    """Evenly spaced sequences that are long enough: head paths (frame, 7)."""
    long = [s for s in sequences if store.sequences["frames"][s] >= FRAMES]
    chosen = [long[i] for i in np.linspace(0, len(long) - 1, PATHS).round().astype(int)]
    first = store.sequences["first"].to_numpy()[chosen]
    frames = np.full(len(chosen), FRAMES)
    return list(torch.from_numpy(store.stretches(("T_world_cpf",), first, frames, FRAMES)))


def streamed(stream: StreamingRecovery, path: torch.Tensor) -> Iterator[tuple[list[BodyFrame], float, float]]:
    """The bodies of each push, and the seconds of CPU and of wall that it took."""
    for frame, pose in enumerate(path):
        cpu, wall = time.process_time(), time.perf_counter()
        bodies = stream.push(frame / stream.model.usage.fps, pose)
        yield bodies, time.process_time() - cpu, time.perf_counter() - wall
    yield stream.finish(), 0.0, 0.0


def offline(model: TrainedDenoiser, body: BodyModel, path: torch.Tensor, seed: int) -> torch.Tensor:
    """Joints (frame, 22, 3) of `recover`, all frames of the path."""
    motion = recover(model, with_frame_before(path), 1, seed)
    return motion.posed(body)[1].p_world_joint[0, :, :BODY_JOINTS]


def agreement(a: list[torch.Tensor], b: list[torch.Tensor]) -> str:
    """Distances of joints in millimetres, and how a third difference of position compares."""
    distance = torch.cat([(x[: len(y)] - y).norm(dim=-1) for x, y in zip(a, b, strict=True)]) * 1000
    return (
        f"median {distance.median():5.1f} mm, mean {distance.mean():5.1f}, "
        f"90 % under {distance.quantile(0.9):5.1f}, feet (median) {distance[:, list(FEET)].median():5.1f}"
    )


def jerk(joints: list[torch.Tensor], fps: float) -> float:
    """Mean length of the third derivative of positions, m/s³."""
    return float(torch.cat([x.diff(n=3, dim=0).norm(dim=-1) for x in joints]).mean()) * fps**3


def measure(model: TrainedDenoiser, paths: list[torch.Tensor]) -> None:
    body, fps = load_body_model(OPEN_BODY), model.usage.fps
    whole = [offline(model, body, path, SEED) for path in paths]
    print(
        f"recover, another seed      {agreement(whole, [offline(model, body, p, SEED + 1) for p in paths])}"
    )
    moved = [offline(model, body, path[:-CUT], SEED) for path in paths]
    print(f"recover, windows moved     {agreement(whole, moved)}, jerk {jerk(whole, fps):.0f} m/s³")
    for look_ahead, hop in CONFIGS:
        config = StreamingConfig(look_ahead_frames=look_ahead, hop_frames=hop, longest_gap_s=0.25)
        joints, seconds = [], []
        for path in paths:
            stream = StreamingRecovery(model, body, config, SEED)
            steps = list(streamed(stream, path))
            joints.append(torch.stack([b.p_world_joint for bodies, *_ in steps for b in bodies]))
            seconds += [step[1:] for step in steps if step[1] > 0]
        cpu, wall = np.array(seconds).T
        windows = cpu > np.median(cpu[cpu > cpu.max() / 10]) / 3
        print(f"{stream.look_ahead_ms:4.0f} ms, hop {hop} frames      {agreement(whole, joints)}", end="")
        print(f", jerk {jerk(joints, fps):.0f} m/s³")
        print(
            f"    a push with a window: {1000 * np.median(cpu[windows]):.0f} ms of CPU, "
            f"{1000 * np.median(wall[windows]):.0f} ms of wall, 99 % under "
            f"{1000 * np.quantile(cpu[windows], 0.99):.0f} and {1000 * np.quantile(wall[windows], 0.99):.0f}; "
            f"one without: {1000 * np.median(cpu[~windows]):.2f} ms; "
            f"{cpu.sum() * fps / len(cpu):.2f} s of CPU a second of motion"
        )


def main(run: str) -> None:
    torch.set_num_threads(1)
    models = DATA / "06_models" / run
    names = ("policy.safetensors", "pretrained_denoiser.safetensors")
    checkpoint = next((models / name for name in names if (models / name).is_file()), None)
    if checkpoint is None:
        print(f"needs a trained denoiser, and there is none in '{models}': make run")
        return
    import pandas as pd

    table = pd.read_csv(DATA / "05_model_input" / run / "windows.csv", dtype={"subject": str})
    store = open_store(DATA / "02_intermediate" / run / "motions")
    sequences = split_rows(table, SPLITS[-1])["sequence"].unique().tolist()
    measure(load_trained(checkpoint), held_out(store, sequences))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default")
