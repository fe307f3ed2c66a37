"""What post-training is paid for: closeness to the truth, joint by joint, and a learned perceptual model.

Foot sliding, penetration and jitter are not rewarded: they are metrics of evaluation (`metrics`).
"""
