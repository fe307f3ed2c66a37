"""CPU time for a clip of four seconds: three motions from two views, drawn and encoded.

    python benchmarks/clips.py

Measured on a busy server, in CPU-seconds: 7.0 for the MP4, 2.3 for the GIF.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.body.kinematics import pose_body
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise
from motiongrpo.viz.clips.example import ShownMotion
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.clips.video import write_gif, write_mp4

FPS, SECONDS, OFF_M = 30.0, 4, 0.03
LENGTH = {"seconds_min": SECONDS, "seconds_max": SECONDS, "fps": FPS}
CONFIG = SyntheticConfig(**section("ingestion")["synthetic"] | LENGTH | {"activities": ["walk", "turn"]})


def scene() -> Scene:
    """A walk, and two predictions that are off by a few centimetres; the path shown is that of the pelvis."""
    model = load_body_model(OPEN_BODY)
    clip = synthesise(model, CONFIG, 0)
    body, root = model.shaped(clip.betas), Transform.from_wxyz_xyz(clip.T_world_root)
    posed = pose_body(body, matrix_from_quaternion(clip.q_parent_joint[:, :21]), root)
    joints = posed.p_world_joint[:, :BODY_JOINTS]
    truth = ShownMotion("truth", joints, joints[:, 1:, 2] < 0.05)
    guesses = [
        replace(truth, name=name, p_world_joint=joints + OFF_M).labelled(truth)
        for name in ("pretrained", "post-trained")
    ]
    return Scene("Four seconds", FPS, clip.T_world_root, [truth, *guesses])


def main() -> None:
    torch.set_num_threads(1)
    shown = scene()
    with tempfile.TemporaryDirectory() as folder:
        for write, name in ((write_mp4, "clip.mp4"), (write_gif, "clip.gif")):
            path = Path(folder) / name
            start = time.process_time()
            write(shown, path)
            elapsed = time.process_time() - start
            print(f"{name}: {len(shown)} frames in {elapsed:.1f} s, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
