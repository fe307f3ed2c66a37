"""A full, moving 3D body from nothing but the path of a headset (MotionGRPO, arXiv:2605.05680)."""

__version__ = "0.1.0"
