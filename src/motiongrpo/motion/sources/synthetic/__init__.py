"""Synthetic motion of the body: procedural, seeded, any amount of it, for any body of the shape space.

A subject is drawn (`subject`) and a plan of what it does over time (`plan`, `activities`, `locomotion`).
The planned velocities are integrated to a path, footsteps are placed along it (`footsteps`), and the
plan is sampled at the times of the frames (`timeline`). Feet then move from foothold to foothold
(`feet`), pelvis and legs follow them (`lower_body`), trunk, head and arms the pelvis (`upper_body`);
`synthesis` puts them together into a clip.
"""

from motiongrpo.motion.sources.synthetic.plan import Activity
from motiongrpo.motion.sources.synthetic.synthesis import SyntheticConfig, subject_of_clip, synthesise

__all__ = ["Activity", "SyntheticConfig", "subject_of_clip", "synthesise"]
