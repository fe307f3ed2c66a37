"""Position and velocity errors of joints.

The 22 body joints are the root and the 21 below it; hands are not judged.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.geometry.alignment import align_to
from motiongrpo.metrics.means import MM_PER_M, joint_mean, real_runs

Joints = Float[Tensor, "batch frame joint 3"]


def joint_distance_mm(guess: Joints, truth: Joints) -> Float[Tensor, "batch frame joint"]:
    """Distance of each joint from its true position in the world, millimetres."""
    return (guess - truth).norm(dim=-1) * MM_PER_M


def mpjpe_mm(guess: Joints, truth: Joints, mask: FrameMask) -> PerSequence:
    """Mean distance of joints in the world, millimetres, with no alignment of any kind.

    Papers on three tracked points print centimetres, some after aligning the heads.
    """
    return joint_mean(joint_distance_mm(guess, truth), mask)


def pa_mpjpe_mm(guess: Joints, truth: Joints, mask: FrameMask) -> PerSequence:
    """Mean distance of joints, millimetres, after the similarity that brings each guessed frame to the truth.

    The prediction moves onto the truth, with scale. EgoAllo's released script moves the truth onto the
    prediction and measures how far it moved, which is another quantity.
    """
    distance = torch.zeros_like(truth[..., 0])  # of real frames: an SVD would stop at NaN in the padding
    aligned = align_to(guess[mask], truth[mask])
    distance[mask] = (aligned - truth[mask]).norm(dim=-1)
    return joint_mean(distance, mask) * MM_PER_M


def mpjve_mm_s(guess: Joints, truth: Joints, mask: FrameMask, fps: float) -> PerSequence:
    """Mean norm of the difference of joint velocities, mm/s, by differences of neighbouring real frames.

    It depends on the frame rate: at 60 fps the same noise is twice as fast as at 30.
    """
    difference = (guess - truth).diff(dim=1) * fps
    return joint_mean(difference.norm(dim=-1), real_runs(mask, 2)) * MM_PER_M
