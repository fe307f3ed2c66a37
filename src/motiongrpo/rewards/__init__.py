"""The reward of post-training: joint-level errors against the truth, and a learned perceptual score.

Foot sliding, penetration and jitter are not rewarded: they are metrics of evaluation (`metrics`).
"""
