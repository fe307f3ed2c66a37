"""The cost of guidance: CPU time for four seconds of motion, compared with drawing the same motions.

    python benchmarks/guidance.py

Two motions of 120 frames of a standing, shaking body, in single precision on one thread, with the parameters
of `conf/base`; drawn by an untrained denoiser of the default size.

Measured on a busy server: 0.48 CPU-seconds, 1.9 times as long as drawing the motion.
"""

import time
from collections.abc import Callable

import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.guidance import GuidanceConfig, guided
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.geometry.so3 import matrix_from_rotation_vector

FPS, FRAMES, SAMPLES, HEAD_M = 30.0, 120, 2, 1.6
PLAN = WindowPlan(length=32, overlap=8)
EVALUATION = section("evaluation")


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU-seconds of the fastest of three rounds, after a warm-up round."""
    times = []
    for _ in range(4):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times[1:])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    body, config = load_body_model(OPEN_BODY), GuidanceConfig(**EVALUATION["guidance"])
    denoiser = Denoiser(DenoiserConfig(**section("pretraining")["denoiser"])).eval()
    path = torch.tensor([0.5, 0.5, 0.5, 0.5, 0, 0, HEAD_M]).repeat(1, FRAMES + 1, 1)
    motions = PlacedMotion(
        betas=torch.zeros(SAMPLES, 16),
        R_parent_joint=matrix_from_rotation_vector(0.05 * torch.randn(SAMPLES, FRAMES, 21, 3)),
        contacts=torch.ones(SAMPLES, FRAMES, 21),
        T_world_cpf=path[:, 1:].repeat(SAMPLES, 1, 1),
        mask=torch.ones(SAMPLES, FRAMES, dtype=torch.bool),
    )
    sampling, generator = SamplingConfig(**EVALUATION["sampling"]), torch.Generator().manual_seed(0)
    drawing = cpu_seconds(lambda: sample_path(denoiser, path, SAMPLES, sampling, PLAN, generator)) / SAMPLES
    guiding = cpu_seconds(lambda: guided(motions, body, FPS, config)) / SAMPLES
    ratio = guiding / drawing
    print(f"{FRAMES / FPS:.0f} s of motion: {guiding:.2f} s of CPU, {ratio:.1f} times as long as drawing it")


if __name__ == "__main__":
    main()
