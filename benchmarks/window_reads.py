"""Speed and memory of reading training windows from 100 hours of motion.

    python benchmarks/window_reads.py [HOURS]

The store is simulated: sequences of ten seconds to two minutes whose frames are holes in sparse files, so it
takes no space on disk, while every read makes the same calls as one of real motion. It is warm: all of it has
been read once. The time is what a training step waits for: drawing the windows, reading them, and mirroring
half of them.

Measured by CPU-seconds, which are longer on a busy server: without hands, 28,000 windows/s on a quiet day,
14,000 to 15,000 on another, and 7,000 to 11,000 beside a dozen busy processes, where the code of the quiet
day is no faster; with hands, half of each. Resident memory is 400 MiB while reading, 760 MiB in the default
pretraining. Memory maps, on the quiet day, gave 16,300 and 8,700 windows/s, and 4,300 and 9,200 MiB, since a
page of a map stays resident once touched.
"""

import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _parameters import section

from motiongrpo.base.optimisation import Optimiser
from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.joint_loss import JointLoss
from motiongrpo.diffusion.training import PretrainingConfig, pretrain
from motiongrpo.motion.store import ARRAYS, CURRENT, HEADER, LOG, MotionStore, StoreHeader, open_store
from motiongrpo.motion.windows import TrainingWindows, WindowBatch, WindowConfig, split_rows, window_table

FPS, FRAMES, BATCH, ROUNDS, STEPS = 30, 128, 64, 200, 20


def simulated_store(folder: Path, hours: float) -> MotionStore:
    """A finished store of `hours` hours, each array a hole in a sparse file."""
    random, path = np.random.default_rng(0), folder / "generation"
    path.mkdir(parents=True)
    left, first = round(hours * 3600 * FPS), 0
    with (path / LOG).open("w") as log:
        while left > 0:
            frames = min(left, int(random.integers(10 * FPS, 120 * FPS)))
            row = {"subject": str(first % 100), "first": first, "frames": frames, "betas": [0.0] * 16}
            line = {"file": str(first), "verdict": "accepted", "reason": "", "seconds": frames / FPS}
            log.write(json.dumps(line | {"sequences": [row]}) + "\n")
            first, left = first + frames, left - frames
    for name, (dtype, shape) in ARRAYS.items():
        with (path / f"{name}.bin").open("wb") as file:
            file.truncate(first * np.dtype(dtype).itemsize * int(np.prod(shape)))
    (path / HEADER).write_text(json.dumps(StoreHeader(FPS, "body").__dict__))
    (folder / CURRENT).write_text("generation")
    return open_store(folder)


def resident_mib() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def upright(batch: WindowBatch) -> WindowBatch:
    """The batch with the zeros of a simulated store replaced by motionless standing bodies."""
    real = torch.tensor([1.0, 0.0, 0.0, 0.0])
    q = real.expand_as(batch.q_parent_joint).contiguous()
    T_world_cpf = torch.cat([real, torch.tensor([0.0, 0.0, 1.6])]).expand_as(batch.T_world_cpf).contiguous()
    return replace(batch, q_parent_joint=q, T_world_cpf=T_world_cpf)


def train(windows: TrainingWindows) -> None:
    """Train a few steps of the default pretraining at its batch size."""
    config = PretrainingConfig(**section("pretraining") | {"steps": STEPS, "validate_every": STEPS})
    optimiser = Optimiser(Denoiser(config.denoiser), config.optimiser)
    validation = upright(windows.batch(config.batch_size, "validation"))
    joint_loss = JointLoss(load_body_model(OPEN_BODY), FPS, config.joint_loss)
    supply = (upright(windows.batch(config.batch_size, step)) for step in range(1, STEPS + 1))
    list(pretrain(optimiser, lambda _: next(supply), validation, joint_loss, config))


def main(hours: float) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        store = simulated_store(Path(folder), hours)
        subjects = sorted(set(store.sequences["subject"]))
        splits = dict.fromkeys(subjects, "train") | {subjects[0]: "test", subjects[1]: "validation"}
        config = WindowConfig(length=FRAMES, at_least=16)
        table = window_table(store, splits, config)
        for name in ARRAYS:
            with (store.path / f"{name}.bin").open("rb") as file:
                while file.read(1 << 24):
                    pass
        for hands in (False, True):
            windows = TrainingWindows(
                store, split_rows(table, "train"), config, hands, short_share=0.3, seed=0
            )
            windows.batch(BATCH, 0)
            started = time.process_time()
            for step in range(ROUNDS):
                windows.batch(BATCH, step)
            rate = ROUNDS * BATCH / (time.process_time() - started)
            kind = "with hands" if hands else "body only"
            print(f"{kind}: {rate:,.0f} windows/s of {FRAMES} frames on one core")
        print(f"{resident_mib():,.0f} MiB resident at most while reading {hours:g} h of motion")
        train(TrainingWindows(store, split_rows(table, "train"), config, False, short_share=0.3, seed=0))
    print(f"{resident_mib():,.0f} MiB resident at most while training on them")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 100)
