"""The rewards of post-training: closeness to the truth joint by joint, plausibility, and a learned judge.

The faults of `plausibility` are measured by frame and joint, so that credit can be given there; the metrics
of evaluation (`metrics`) measure such faults by definitions of their own.
"""
