"""Synthetic motion of the body: procedural, seeded, in any amount, for any body of the shape space.

A subject is drawn (`subject`), and a plan of its activities over time (`plan`, `activities`, `locomotion`).
The planned velocities are integrated to a path, footsteps are placed along it (`footsteps`), and the plan is
sampled at the times of the frames (`timeline`). Feet then move from foothold to foothold (`feet`), pelvis and
legs follow the feet (`lower_body`), and trunk, head and arms follow the pelvis (`upper_body`); `synthesis`
assembles a clip.
"""

from motiongrpo.motion.sources.synthetic.plan import Activity
from motiongrpo.motion.sources.synthetic.synthesis import SyntheticConfig, subject_of_clip, synthesise

__all__ = ["Activity", "SyntheticConfig", "subject_of_clip", "synthesise"]
