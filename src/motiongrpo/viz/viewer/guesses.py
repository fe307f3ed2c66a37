"""Joints of a recorded body that are a guess, each in the ball that contains 90 % of true joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from motiongrpo.diffusion.recording import Doubt
from motiongrpo.metrics.bands import is_guess
from motiongrpo.viz.figures.palette import ORANGE, RGB, rgb
from motiongrpo.viz.figures.skeleton import BONES

if TYPE_CHECKING:
    import viser

GUESS, OPACITY = ORANGE, 0.25
NOTHING = 1e-6  # the scale of an invisible ball


@dataclass(frozen=True)
class Guesses:
    """Radii of the 90 % bands of one motion, metres, and which of its joints are a guess."""

    radius_m: Float[ndarray, "frame 22"]
    guess: Bool[ndarray, "frame 22"]

    @classmethod
    def of(cls, doubt: Doubt, row: int) -> Guesses:
        """The guesses of one motion of a recording."""
        radius = doubt.radius_90_m[row]
        return cls(radius.numpy(), is_guess(radius, doubt.guess_m).numpy())


class ShownGuesses:
    """The balls of one body in a viser scene, and the colours of its bones."""

    def __init__(
        self, server: viser.ViserServer, path: str, joints: Float[ndarray, "frame 22 3"], guesses: Guesses
    ):
        import trimesh

        self.joints, self.guesses = joints, guesses
        ball = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
        self.balls = server.scene.add_batched_meshes_simple(
            f"{path}/guesses",
            np.asarray(ball.vertices, np.float32),
            np.asarray(ball.faces),
            np.tile([1.0, 0, 0, 0], (joints.shape[1], 1)),
            joints[0].astype(np.float32),
            batched_scales=self._scales(0),
            batched_colors=rgb(GUESS),
            opacity=OPACITY,
            cast_shadow=False,
            receive_shadow=False,
        )

    def show(self, frame: int) -> None:
        self.balls.batched_positions = self.joints[frame].astype(np.float32)
        self.balls.batched_scales = self._scales(frame)

    def bone_colours(self, frame: int, colour: RGB) -> UInt8[ndarray, "bone 2 3"]:
        """Colours of bones: the body's, except where the lower end of a bone is a guess."""
        child = np.array([child for _, child in BONES])
        guess = self.guesses.guess[frame, child]
        colours = np.where(guess[:, None], rgb(GUESS), colour)
        return np.repeat(colours[:, None], 2, axis=1).astype(np.uint8)

    def _scales(self, frame: int) -> Float[ndarray, " joint"]:
        shown = np.where(self.guesses.guess[frame], self.guesses.radius_m[frame], NOTHING)
        return shown.astype(np.float32)
