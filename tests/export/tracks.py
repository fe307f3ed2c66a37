"""Tracks to export: a walk on the open body, a motion far from rest, and one that is split."""

import functools
from dataclasses import replace

import torch

from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.skin import SkinnedBody, load_skinned_body
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Recording
from motiongrpo.export.track import BodyTrack
from motiongrpo.geometry.so3 import matrix_from_rotation_vector, rotation_vector_from_matrix
from motiongrpo.head.path import Touch
from tests.bodies import FPS, open_body, window_batch
from tests.motion.rigs import random_motion

FRAMES = 24
SPLIT = (range(0, 10), range(10, FRAMES))


@functools.cache
def skinned_body() -> SkinnedBody:
    return load_skinned_body(OPEN_BODY)


@functools.cache
def recording() -> Recording:
    """Two walks, of people with different shapes, each named by its number."""
    motions = PlacedMotion.truth(window_batch(frames=FRAMES, count=2))
    betas = torch.linspace(-1.5, 1.5, 32, dtype=torch.float64).reshape(2, 16)
    motions = replace(motions, betas=betas)
    return Recording("walk", ("0", "1"), motions, FPS, open_body().digest)


@functools.cache
def walk() -> BodyTrack:
    track = BodyTrack.of_recording(recording(), 0, open_body(), "neutral")
    return replace(track, source_s=track.source_s + 1000.5)


@functools.cache
def split_walk() -> BodyTrack:
    """A walk in two stretches with three seconds between them, some touched frames, and a band."""
    gap = torch.zeros(FRAMES, dtype=torch.float64)
    gap[SPLIT[1].start :] = 3.0
    touched = torch.zeros(FRAMES, dtype=torch.int64)
    touched[4:6], touched[12] = int(Touch.GAP), int(Touch.GAP | Touch.TRACKING)
    radius = torch.linspace(0.01, 0.3, FRAMES * 22).reshape(FRAMES, 22)
    return replace(
        walk(), source_s=walk().source_s + gap, touched=touched, stretches=SPLIT, radius_90_m=radius
    )


def wild(frames: int = 12, share: float = 1.0) -> BodyTrack:
    """Every joint of the mean body rotated by this share of random angles."""
    rotations, root = random_motion(frames, seed=3)
    vectors = share * rotation_vector_from_matrix(rotations[:, :21])
    here = replace(walk(), stretches=(range(frames), range(frames, FRAMES))).parts()[0]
    return replace(
        here,
        name="wild",
        betas=torch.zeros(16, dtype=torch.float64),
        R_parent_joint=matrix_from_rotation_vector(vectors),
        T_world_root=root.wxyz_xyz(),
    )


def repeated(track: BodyTrack, frames: int) -> BodyTrack:
    """The only frame of a track, repeated."""
    longer = {
        name: value.expand(frames, *value.shape[1:])
        for name, value in vars(track).items()
        if isinstance(value, torch.Tensor) and name != "betas"
    }
    return replace(track, **longer, stretches=(range(frames),))
