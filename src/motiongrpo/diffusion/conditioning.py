"""What the denoiser sees of the head: EgoAllo's invariant condition (arXiv:2410.03665, section 3.2).

Per frame 22 numbers that no turn about the vertical and no shift along the floor can change: the
relative pose to the frame before (12), the height (1), the orientation without its heading (9).
Fourier features make them 154.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.geometry.heading import without_heading
from motiongrpo.geometry.se3 import Transform

RAW_FEATURES = 22
FREQUENCIES = (1.0, 2.0, 4.0)
CONDITION_FEATURES = RAW_FEATURES * (1 + 2 * len(FREQUENCIES))


def head_condition(T_world_cpf: Float[Tensor, "*batch frame_and_one 7"]) -> Float[Tensor, "*batch frame 154"]:
    """The encoded condition of a head path with one frame before the first (`wxyz_xyz`, floor at z = 0)."""
    now = Transform.from_wxyz_xyz(T_world_cpf[..., 1:, :])
    before = Transform.from_wxyz_xyz(T_world_cpf[..., :-1, :])
    return fourier_features(invariant_features(now, before.inverse() @ now))


def invariant_features(T_world_cpf: Transform, T_cpf_tm1_cpf_t: Transform) -> Float[Tensor, "*batch 22"]:
    """Relative pose (3 × 4, row by row), height in metres, orientation turned to face +x (row by row)."""
    relative = torch.cat([T_cpf_tm1_cpf_t.R, T_cpf_tm1_cpf_t.p[..., None]], dim=-1)
    level = without_heading(T_world_cpf.R)
    return torch.cat([relative.flatten(-2), T_world_cpf.p[..., 2:], level.flatten(-2)], dim=-1)


def fourier_features(x: Float[Tensor, "*batch raw"]) -> Float[Tensor, "*batch encoded"]:
    """[x, sin(ωx), sin(ωx + π/2)] for ω = 1, 2, 4, the frequency varying fastest."""
    scaled = (x[..., None] * torch.tensor(FREQUENCIES).to(x)).flatten(-2)
    return torch.cat([x, torch.sin(scaled), torch.sin(scaled + torch.pi / 2)], dim=-1)
