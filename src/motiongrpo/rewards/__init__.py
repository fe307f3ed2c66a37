"""What post-training is paid for: closeness to the truth, joint by joint, plausibility, and a learned judge.

The faults of `plausibility` are measured by frame and joint, to be credited; the metrics of evaluation
(`metrics`) measure what is left of them by definitions of their own.
"""
