"""Amplitude: how much a body moves its hands and feet, beside how much the person did.

Velocity error, jitter and sliding are all small for a body that does not move; amplitude says so of it.
"""

import torch

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.body.skeleton import Joint
from motiongrpo.metrics.metric import joint_mean, real_runs
from motiongrpo.metrics.motion import BodyMotion

LIMBS = (Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_FOOT, Joint.RIGHT_FOOT)


def limb_speed_m_s(motion: BodyMotion, mask: FrameMask, fps: float) -> PerSequence:
    """Mean speed of wrists and toe joints in the coordinates of the pelvis, m/s.

    In those of the world a statue that is carried along a walker's head path would be as fast as the walker:
    a foot that stands and swings has the mean speed of the body.
    """
    R_world_root = motion.R_parent_joint[:, :, 0]
    from_root = motion.p_world_joint[:, :, list(LIMBS)] - motion.p_world_joint[:, :, :1]
    p_root_limb = from_root @ R_world_root  # each row is Rᵀ p
    return joint_mean((p_root_limb.diff(dim=1) * fps).norm(dim=-1), real_runs(mask, 2))


def amplitude_ratio(guess: BodyMotion, truth: BodyMotion, mask: FrameMask, fps: float) -> PerSequence:
    """The limb speed of a guess over that of its truth; 1 is as lively as the person, 0 a statue.

    NaN where the truth is still. Over several windows take the ratio of mean speeds, as for `jitter_ratio`.
    """
    of_truth = limb_speed_m_s(truth, mask, fps)
    return torch.where(of_truth > 0, limb_speed_m_s(guess, mask, fps) / of_truth, torch.nan)
