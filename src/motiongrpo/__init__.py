"""A full, moving 3D body from nothing but the path of a headset (MotionGRPO, arXiv:2605.05680)."""

import os

__version__ = "0.1.0"

# torch's threads spin while they wait for each other. Where another program has one of the cores, that makes
# training several times slower; asleep they cost nothing. OpenMP reads this once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
