"""Small denoisers for tests, with their usage."""

import torch

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.trained import TrainedDenoiser, Usage
from motiongrpo.diffusion.window_blend import WindowPlan
from tests.denoisers import small

DDIM = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)


def trained(network: type[Denoiser] = Denoiser, length: int = 16, **usage) -> TrainedDenoiser:
    """An untrained network in float64, for windows of `length` frames at 30 fps."""
    torch.manual_seed(0)
    denoiser = network(small(encoder_layers=1, decoder_layers=1)).double().eval()
    plan = WindowPlan(length=length, overlap=length // 4)
    known = {"fps": 30.0, "plan": plan, "sampling": DDIM, "head_height_m": (0.5, 1.9), "head_speed_m_s": None}
    return TrainedDenoiser(denoiser, Usage(**known | usage), "a test's model", "", None)
