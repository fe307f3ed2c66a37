"""Speed of synthetic motion: seconds of motion per second of one thread.

    python benchmarks/synthetic.py

It includes everything from a seed to a clip at 30 frames/s, for 200 clips of 6 to 12 s, but not the start of
Python. Measured with a second core busy on and off: 540 to 840 times real time.
"""

import time

import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise

CONFIG = SyntheticConfig(**section("ingestion")["synthetic"] | {"clips": 200})


def main() -> None:
    torch.set_num_threads(1)
    model = load_body_model(OPEN_BODY)
    synthesise(model, CONFIG, 0)
    start = time.process_time()
    frames = sum(len(synthesise(model, CONFIG, index)) for index in range(CONFIG.clips))
    elapsed = time.process_time() - start
    seconds = frames / CONFIG.fps
    print(f"{seconds:.0f} s of motion in {elapsed:.1f} s: {seconds / elapsed:.0f} times real time")


if __name__ == "__main__":
    main()
