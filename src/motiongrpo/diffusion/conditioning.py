"""What the denoiser sees of the head: EgoAllo's invariant condition (arXiv:2410.03665, section 3.2).

Per frame 22 numbers that do not change under a rotation about the vertical or a shift along the floor: the
pose relative to the frame before (12), the height (1), the orientation without its heading (9). Fourier
features make them 154. The other conditions that EgoAllo compares itself with are not invariant; they are
here because its checkpoints may use them.
"""

from typing import assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.diffusion.architecture import ConditionConfig
from motiongrpo.geometry.heading import heading_angle, rotation_about_up, without_heading
from motiongrpo.geometry.se3 import Transform

FREQUENCIES = 3
RAW_FEATURES = 22
CONDITION_FEATURES = RAW_FEATURES * (1 + 2 * FREQUENCIES)
WRIST_FEATURES = 6


def head_condition(T_world_cpf: Float[Tensor, "*batch frame_and_one 7"]) -> Float[Tensor, "*batch frame 154"]:
    """The encoded invariant condition of a head path with one frame before the first (floor at z = 0)."""
    return fourier_features(invariant_features(*_steps(T_world_cpf)))


def encoded_condition(
    T_world_cpf: Float[Tensor, "*batch frame_and_one 7"],
    config: ConditionConfig,
    p_cpf_wrists: Float[Tensor, "*batch frame 6"] | None = None,
) -> Float[Tensor, "*batch frame encoded"]:
    """The condition that a denoiser was built for; wrists (left, right) that are not known are zero."""
    return encoded_features(*_steps(T_world_cpf), config, p_cpf_wrists)


def condition_width(config: ConditionConfig) -> int:
    """How many numbers a frame of the encoded condition has."""
    ours = RAW_FEATURES if config.include_canonicalized_cpf_rotation_in_cond else RAW_FEATURES - 9
    raw = {"ours": ours, "canonicalized": 12, "absolute": 12, "absrel": 24, "absrel_global_deltas": 24}
    wrists = WRIST_FEATURES if config.include_hand_positions_cond else 0
    return (raw[config.cond_param] + wrists) * (1 + 2 * config.fourier_enc_freqs)


def encoded_features(
    T_world_cpf: Transform,
    T_cpf_tm1_cpf_t: Transform,
    config: ConditionConfig,
    p_cpf_wrists: Float[Tensor, "*batch frame 6"] | None = None,
) -> Float[Tensor, "*batch frame encoded"]:
    """`encoded_condition` of poses and relative poses."""
    raw = _raw_features(T_world_cpf, T_cpf_tm1_cpf_t, config)
    if config.include_hand_positions_cond:
        unknown = raw.new_zeros(*raw.shape[:-1], WRIST_FEATURES)
        raw = torch.cat([raw, unknown if p_cpf_wrists is None else p_cpf_wrists], dim=-1)
    return fourier_features(raw, config.fourier_enc_freqs)


def _raw_features(now: Transform, relative: Transform, config: ConditionConfig) -> Tensor:
    match config.cond_param:
        case "ours":
            ours = invariant_features(now, relative)
            return ours if config.include_canonicalized_cpf_rotation_in_cond else ours[..., :-9]
        case "canonicalized":
            return flat_pose(from_first_frame(now))
        case "absolute":
            return flat_pose(now)
        case "absrel":
            return torch.cat([flat_pose(now), flat_pose(relative)], dim=-1)
        case "absrel_global_deltas":
            back = (now.R @ relative.inverse().p[..., None])[..., 0]
            return torch.cat([flat_pose(now), relative.R.flatten(-2), back], dim=-1)
    assert_never(config.cond_param)


def invariant_features(T_world_cpf: Transform, T_cpf_tm1_cpf_t: Transform) -> Float[Tensor, "*batch 22"]:
    """Relative pose (3 × 4, row by row), height in metres, orientation turned to face +x (row by row)."""
    level = without_heading(T_world_cpf.R)
    return torch.cat([flat_pose(T_cpf_tm1_cpf_t), T_world_cpf.p[..., 2:], level.flatten(-2)], dim=-1)


def flat_pose(T: Transform) -> Float[Tensor, "*batch 12"]:
    """The upper 3 × 4 of the matrix, row by row."""
    return torch.cat([T.R, T.p[..., None]], dim=-1).flatten(-2)


def from_first_frame(T_world_cpf: Transform) -> Transform:
    """The path turned so that its first frame faces +x and moved so that it starts at the origin.

    The height goes too: a network that sees this cannot know where the floor is.
    """
    R_start_world = rotation_about_up(-heading_angle(T_world_cpf.R[..., :1, :, :]))
    turned = Transform(R_start_world, torch.zeros_like(T_world_cpf.p[..., :1, :])) @ T_world_cpf
    return Transform(turned.R, turned.p - turned.p[..., :1, :])


def fourier_features(
    x: Float[Tensor, "*batch raw"], frequencies: int = FREQUENCIES
) -> Float[Tensor, "*batch encoded"]:
    """[x, sin(ωx), sin(ωx + π/2)] for ω = 1, 2, 4 …, the frequency varying fastest."""
    scaled = (x[..., None] * 2.0 ** torch.arange(frequencies).to(x)).flatten(-2)
    return torch.cat([x, torch.sin(scaled), torch.sin(scaled + torch.pi / 2)], dim=-1)


def _steps(T_world_cpf: Tensor) -> tuple[Transform, Transform]:
    now = Transform.from_wxyz_xyz(T_world_cpf[..., 1:, :])
    before = Transform.from_wxyz_xyz(T_world_cpf[..., :-1, :])
    return now, before.inverse() @ now
