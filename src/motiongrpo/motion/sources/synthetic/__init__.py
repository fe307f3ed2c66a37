"""Synthetic motion: seeded, any amount of it, by anybody the shape space can make.

A subject is drawn (`style`), activities are planned over time (`plan`, `activities`, `travel`) as a
`score` of velocities and postures; the velocities are integrated to a path (`guide`), feet step
along it (`footsteps`, `feet`, `foot_roll`), the pelvis rides on the feet (`gait`, `pelvis`), legs
reach from one to the other (`leg_ik`), trunk, head and arms follow (`upper_body`, `arms`).
"""

from motiongrpo.motion.sources.synthetic.score import Activity
from motiongrpo.motion.sources.synthetic.synthesis import SyntheticConfig, synthesise

__all__ = ["Activity", "SyntheticConfig", "synthesise"]
