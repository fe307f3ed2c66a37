"""Rotation error of joints."""

import torch

from motiongrpo.base.shapes import FrameMask, PerSequence, Rotations
from motiongrpo.geometry.so3 import geodesic_angle
from motiongrpo.metrics.means import joint_mean


def mpjre_deg(guess: Rotations, truth: Rotations, mask: FrameMask) -> PerSequence:
    """Mean geodesic angle between local rotations (batch, frame, joint), degrees; the root's in the world.

    Print mostly has the mean absolute difference of axis-angle components, about half of it.
    """
    return torch.rad2deg(joint_mean(geodesic_angle(guess, truth), mask))
