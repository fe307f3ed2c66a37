"""From a head path to bodies: a trained denoiser off the disk, and its motions under any path."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.checkpoint import Checkpoint, architecture_of, filled, load_checkpoint
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan


def load_denoiser(path: Path) -> Denoiser:
    """The network of a checkpoint file, pretrained or post-trained, its dropout off."""
    return restored_denoiser(load_checkpoint(path, "denoiser"))


def restored_denoiser(checkpoint: Checkpoint) -> Denoiser:
    """The network that a checkpoint describes, with its weights, its dropout off."""
    return filled(Denoiser(architecture_of(checkpoint.header, DenoiserConfig)), checkpoint).eval()


@torch.no_grad()
def recover(
    denoiser: Denoiser,
    T_world_cpf: Float[Tensor, "frame_and_one 7"],
    samples: int,
    sampling: SamplingConfig,
    plan: WindowPlan,
    generator: torch.Generator,
) -> PlacedMotion:
    """So many motions under one head path, floor at z = 0; its first frame only tells how the head came.

    A path longer than `plan.length`, which should be that of the training, is denoised window by window.
    """
    x = sample_path(denoiser, T_world_cpf[None], samples, sampling, plan, generator)[0]
    head = T_world_cpf[1:].expand(samples, -1, -1)
    return PlacedMotion.sampled(x, head, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))
