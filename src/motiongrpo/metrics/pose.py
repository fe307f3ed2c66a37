"""Errors of a pose against the truth: of joints in position, velocity and rotation, and of the head.

The 22 body joints are the root and the 21 below it; hands are not measured. The head's errors are a check:
they are zero up to rounding for a body hung from the given path.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence, Rotations
from motiongrpo.geometry.alignment import align_to
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import geodesic_angle
from motiongrpo.metrics.metric import MM_PER_M, joint_mean, mean_where, real_runs

Joints = Float[Tensor, "batch frame joint 3"]


def joint_distance_mm(guess: Joints, truth: Joints) -> Float[Tensor, "batch frame joint"]:
    """Distance of each joint from its true position in the world, millimetres."""
    return (guess - truth).norm(dim=-1) * MM_PER_M


def mpjpe_mm(guess: Joints, truth: Joints, mask: FrameMask) -> PerSequence:
    """Mean distance of joints in the world, millimetres, with no alignment of any kind.

    Papers on three tracked points report centimetres, some after aligning the heads.
    """
    return joint_mean(joint_distance_mm(guess, truth), mask)


def pa_mpjpe_mm(guess: Joints, truth: Joints, mask: FrameMask) -> PerSequence:
    """Mean distance of joints, millimetres, after aligning each predicted frame to the truth by a similarity.

    The prediction is aligned to the truth, with scale. EgoAllo's released script aligns the truth to the
    prediction and measures how far it moves, which is another quantity.
    """
    distance = torch.zeros_like(truth[..., 0])  # only for real frames: an SVD fails on NaN in padding
    aligned = align_to(guess[mask], truth[mask])
    distance[mask] = (aligned - truth[mask]).norm(dim=-1)
    return joint_mean(distance, mask) * MM_PER_M


def mpjve_mm_s(guess: Joints, truth: Joints, mask: FrameMask, fps: float) -> PerSequence:
    """Mean norm of the difference of joint velocities, mm/s, by differences of neighbouring real frames.

    It depends on the frame rate: at 60 fps the same noise is twice as fast as at 30 fps.
    """
    difference = (guess - truth).diff(dim=1) * fps
    return joint_mean(difference.norm(dim=-1), real_runs(mask, 2)) * MM_PER_M


def mpjre_deg(guess: Rotations, truth: Rotations, mask: FrameMask) -> PerSequence:
    """Mean geodesic angle between local rotations (batch, frame, joint), degrees; the root's in the world.

    Papers mostly report the mean absolute difference of axis-angle components, about half of it.
    """
    return torch.rad2deg(joint_mean(geodesic_angle(guess, truth), mask))


def head_position_mm(T_world_cpf: Transform, given: Transform, mask: FrameMask) -> PerSequence:
    """Mean distance of the body's central pupil frame from the given one, millimetres."""
    return mean_where((T_world_cpf.p - given.p).norm(dim=-1), mask) * MM_PER_M


def head_rotation_deg(T_world_cpf: Transform, given: Transform, mask: FrameMask) -> PerSequence:
    """Mean geodesic angle of the body's central pupil frame to the given one, degrees."""
    return torch.rad2deg(mean_where(geodesic_angle(T_world_cpf.R, given.R), mask))
