"""Heading: the yaw of a frame about the world's up axis (+z), and orientations without it."""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import Rotations


def rotation_about_up(angle: Float[Tensor, "*batch"]) -> Rotations:
    """R_z(angle), radians."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def heading_angle(R_world_cpf: Rotations) -> Float[Tensor, "*batch"]:
    """Yaw in radians of the forward axis (z of the frame), measured from world +x.

    Undefined when the frame looks straight up or down; zero is returned there, and angles
    near it are noisy. EgoAllo's definition (arXiv:2410.03665, eq. 7, with +x for its +y).
    """
    return torch.atan2(R_world_cpf[..., 1, 2], R_world_cpf[..., 0, 2])


def without_heading(R_world_cpf: Rotations) -> Rotations:
    """R_z(−ψ) R: the same orientation turned to face world +x."""
    return rotation_about_up(-heading_angle(R_world_cpf)) @ R_world_cpf
