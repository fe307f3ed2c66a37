"""Speed of ingestion of AMASS files: reading the npz, checks, 30 frames/s, floor, contacts, head.

    python benchmarks/ingestion_amass.py

The files are generated, in the SMPL+H G layout: 60 s of a body that shifts its weight, at 120 frames/s.
Measured while another program was running: 924 times real time on one thread (best 989).
"""

import io
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.motion.ingestion import IngestionConfig, ingest
from motiongrpo.motion.sources.folder import amass_clips
from motiongrpo.motion.store import StoreHeader, StoreWriter

SECONDS, FPS, FILES = 60, 120, 4


def amass_file(seed: int) -> bytes:
    """The bytes of one file: upright, joints swaying slowly by a few degrees."""
    random = np.random.default_rng(seed)
    t = np.arange(SECONDS * FPS) / FPS
    phase = random.uniform(0, 2 * np.pi, 156)
    poses = 0.05 * np.sin(2 * np.pi * 0.3 * t[:, None] + phase)
    poses[:, :3] = [np.pi / 2, 0, 0]
    trans = np.stack([0.02 * np.sin(t), 0 * t, 0.92 + 0.01 * np.cos(t)], axis=1)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        poses=poses,
        trans=trans,
        betas=np.zeros(16),
        dmpls=np.zeros((len(t), 8)),
        gender=np.array("neutral"),
        mocap_framerate=np.array(float(FPS)),
    )
    return buffer.getvalue()


def main() -> None:
    torch.set_num_threads(1)
    values = section("ingestion")
    config = IngestionConfig(**values | {"amass": values["amass"] | {"subsets": ["ACCAD"]}})
    body = load_body_model(OPEN_BODY)
    contents = {f"ACCAD/{i}/{i}_poses.npz": amass_file(i) for i in range(FILES)}
    files = {name: (lambda data=data: data) for name, data in contents.items()}
    with tempfile.TemporaryDirectory() as folder:
        writer = StoreWriter(Path(folder), StoreHeader(config.fps, body.digest), "generation")
        rates = []
        for name, read in amass_clips(files, body, config.amass):
            started = time.process_time()
            verdict = ingest(name, read, body, config)
            writer.append(verdict)
            rates.append(SECONDS / (time.process_time() - started))
            if verdict.verdict != "accepted":
                raise SystemExit(f"{name} was {verdict.verdict}: {verdict.reason}")
    print(f"AMASS npz: {np.median(rates):,.0f} times real time on one thread (best {max(rates):,.0f})")


if __name__ == "__main__":
    main()
