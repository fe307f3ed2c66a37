"""A scene for tests: synthetic motion, and a prediction that is off by a known amount."""

import functools
from dataclasses import replace

from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.viz.clips.example import ShownMotion
from motiongrpo.viz.clips.scene import Scene
from tests.bodies import FPS, open_body, window_batch

OFF_M = 0.1  # along each axis


@functools.cache
def scene(frames: int = 24) -> Scene:
    """Truth and one prediction."""
    batch = window_batch(frames=frames, count=1)
    truth = ShownMotion.of("truth", PlacedMotion.truth(batch), open_body())
    guess = replace(truth, name="guess", p_world_joint=truth.p_world_joint + OFF_M)
    return Scene("A walk", FPS, batch.T_world_cpf[0, 1:], [truth, guess])
