"""Visibility of the joins between windows: how far joints turn per frame where a window ends.

    python benchmarks/blending.py data/06_models/default/pretrained_denoiser.safetensors

Sixteen synthetic walks of 180 frames, four motions each, windows of 32 frames with 8 shared, 10 steps.

Measured with the default pretrained denoiser: joints turn by 0.84° per frame (median), and by 0.89° where one
of our windows ends; by EgoAllo's rule, 0.83° and 1.33°.
"""

import argparse
from pathlib import Path

import torch
from _parameters import section

from motiongrpo.base.checkpoint import load_checkpoint
from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.body.floor_contact import ContactConfig
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import blended_predictor
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.sampler import SamplingConfig, sample
from motiongrpo.diffusion.window_blend import Window, WindowPlan, egoallo_windows, symmetric_windows
from motiongrpo.geometry.so3 import geodesic_angle
from motiongrpo.motion.grounding import FloorConfig, ground
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise

FRAMES, PATHS, SAMPLES, FPS = 180, 16, 4, 30.0
PLAN = WindowPlan(length=32, overlap=8)
SAMPLING = SamplingConfig(steps=10, eta=1.0, sampler="ddim", deterministic_below=0)


def head_paths() -> torch.Tensor:
    """Head paths of people who walk, turn and reach: (path, frame + 1, 7)."""
    body, seconds = load_body_model(OPEN_BODY), FRAMES / FPS + 0.5
    given = section("ingestion")
    people = {"seed": 5, "clips": PATHS, "clips_per_subject": 1, "activities": ["walk", "turn", "reach"]}
    length = {"seconds_min": seconds, "seconds_max": seconds, "fps": FPS}
    config = SyntheticConfig(**given["synthetic"] | people | length)
    floor = FloorConfig(**given["floor"] | {"confidence_at_least": 0.0})
    contact = ContactConfig(**given["contact"])
    clips = [ground(synthesise(body, config, i), body, floor, contact) for i in range(PATHS)]
    return torch.stack([clip.T_world_cpf[: FRAMES + 1] for clip in clips]).float()


@torch.no_grad()
def turning_deg(denoiser: Denoiser, paths: torch.Tensor, windows: list[Window]) -> torch.Tensor:
    """Angle in degrees from each frame to the next, averaged over motions and joints: (frame,)."""
    generator = torch.Generator().manual_seed(3)
    shape = (PATHS, SAMPLES, FRAMES, denoiser.features)
    x_T = torch.randn(shape, generator=generator)
    predict = blended_predictor(denoiser, paths, None, windows)
    R = MotionState.unpack(sample(predict, x_T, SAMPLING, generator)).projected().body_rotmats
    return geodesic_angle(R[:, :, 1:], R[:, :, :-1]).mean(dim=(0, 1, 3)).rad2deg()


def main() -> None:
    parser = argparse.ArgumentParser(description="How visible the joins between windows are.")
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default="data/06_models/default/pretrained_denoiser.safetensors"
    )
    path = Path(parser.parse_args().checkpoint)
    if not path.is_file():
        print(f"needs a trained denoiser, and there is none at '{path}': make run")
        return
    checkpoint = load_checkpoint(path, "denoiser")
    denoiser = Denoiser(DenoiserConfig(**checkpoint.header.architecture))
    denoiser.load_state_dict(checkpoint.tensors)
    denoiser.eval()
    paths = head_paths()
    for name, rule in (("ours", symmetric_windows), ("egoallo", egoallo_windows)):
        windows = rule(FRAMES, PLAN)
        turning = turning_deg(denoiser, paths, windows)
        ends = [window.stop - 1 for window in windows if window.stop < FRAMES]
        print(
            f"{name:<8} median frame {turning.median():.2f}°, where a window ends {turning[ends].mean():.2f}°"
        )


if __name__ == "__main__":
    main()
