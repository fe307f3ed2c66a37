"""Jitter: the third derivative of joint positions.

Less is not better: an over-smoothed motion shakes less than a person. In single precision, rounding alone
gives a motionless body 0.01 m/s³ at 30 fps, and 0.04 m/s³ ten metres from the origin.
"""

import torch

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.metrics.metric import joint_mean, real_runs
from motiongrpo.metrics.pose import Joints


def jitter_m_s3(p_world_joint: Joints, mask: FrameMask, fps: float) -> PerSequence:
    """Mean norm of the third difference of joint positions times fps³, m/s³, over four frames each."""
    jerk = p_world_joint.diff(n=3, dim=1) * fps**3
    return joint_mean(jerk.norm(dim=-1), real_runs(mask, 4))


def jitter_ratio(guess: Joints, truth: Joints, mask: FrameMask, fps: float) -> PerSequence:
    """The jitter of a prediction over that of the truth, 1 at best; NaN where the truth does not move.

    Over several windows take the ratio of mean jitters: a mean of ratios is dominated by those that hardly
    move.
    """
    of_truth = jitter_m_s3(truth, mask, fps)
    return torch.where(of_truth > 0, jitter_m_s3(guess, mask, fps) / of_truth, torch.nan)
