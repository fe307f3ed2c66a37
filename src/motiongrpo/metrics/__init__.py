"""The metrics of evaluation; none of them is trained on.

A metric is a function that takes only what it needs. It returns one value per window, a mean over real
frames, in the unit at the end of its name. Inputs are metres and matrices, z up, the floor at z = 0.
"""
