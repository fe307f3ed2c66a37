"""From a head path to bodies: a trained denoiser off the disk, and its motions under any path."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.checkpoint import load_checkpoint
from motiongrpo.base.network import restored, with_weights
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import read_egoallo
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan


def load_denoiser(path: Path) -> Denoiser:
    """The denoiser of a checkpoint file, or of a folder in EgoAllo's layout, in evaluation mode."""
    if path.is_dir():
        model = read_egoallo(path, mask_self_attention=True)
        return with_weights(Denoiser, model.config, model.tensors, f"'{path}'")
    return restored(load_checkpoint(path, "denoiser"), Denoiser)


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
