"""Error of the body's head against the given path: a check, zero up to rounding for a body hung from it."""

import torch

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import geodesic_angle
from motiongrpo.metrics.means import MM_PER_M, mean_where


def head_position_mm(T_world_cpf: Transform, given: Transform, mask: FrameMask) -> PerSequence:
    """Mean distance of the body's central pupil frame from the given one, millimetres."""
    return mean_where((T_world_cpf.p - given.p).norm(dim=-1), mask) * MM_PER_M


def head_rotation_deg(T_world_cpf: Transform, given: Transform, mask: FrameMask) -> PerSequence:
    """Mean geodesic angle of the body's central pupil frame to the given one, degrees."""
    return torch.rad2deg(mean_where(geodesic_angle(T_world_cpf.R, given.R), mask))
