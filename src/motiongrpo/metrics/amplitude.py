"""Amplitude: how much a body moves its hands and feet, compared with the person.

Velocity error, jitter and sliding are all small for a body that hardly moves; amplitude reveals it.
"""

import torch

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.body.skeleton import Joint
from motiongrpo.metrics.metric import joint_mean, real_runs
from motiongrpo.metrics.motion import BodyMotion

LIMBS = (Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_FOOT, Joint.RIGHT_FOOT)


def limb_speed_m_s(motion: BodyMotion, mask: FrameMask, fps: float) -> PerSequence:
    """Mean speed of wrists and toe joints in the coordinates of the pelvis, m/s.

    In world coordinates a statue carried along a walker's head path would be as fast as the walker, since a
    foot that stands and swings has the mean speed of the body.
    """
    R_world_root = motion.R_parent_joint[:, :, 0]
    from_root = motion.p_world_joint[:, :, list(LIMBS)] - motion.p_world_joint[:, :, :1]
    p_root_limb = from_root @ R_world_root  # each row is Rᵀ p
    return joint_mean((p_root_limb.diff(dim=1) * fps).norm(dim=-1), real_runs(mask, 2))


def amplitude_ratio(guess: BodyMotion, truth: BodyMotion, mask: FrameMask, fps: float) -> PerSequence:
    """The limb speed of a prediction over that of the truth; 1 moves as much as the person, 0 is a statue.

    NaN where the truth does not move. Over several windows take the ratio of mean speeds, as for
    `jitter_ratio`.
    """
    of_truth = limb_speed_m_s(truth, mask, fps)
    return torch.where(of_truth > 0, limb_speed_m_s(guess, mask, fps) / of_truth, torch.nan)
