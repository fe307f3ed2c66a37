"""The metrics of evaluation; none of them is trained on.

A metric is a function of what it needs. It returns one value per window, a mean over real frames, in the
unit that its name ends with. Inputs are metres and matrices, z up, the floor at z = 0.
"""
