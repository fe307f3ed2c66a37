"""Small motions for tests: the open body, moving a little."""

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from motiongrpo.body.body_model import OPEN_BODY, BodyModel, load_body_model
from motiongrpo.body.floor_contact import ContactConfig
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.grounding import FloorConfig, GroundedClip, ground
from motiongrpo.motion.sources.synthetic import SyntheticConfig, synthesise
from motiongrpo.motion.store import ARRAYS, FileVerdict, MotionStore, StoreHeader, StoreWriter, open_store
from motiongrpo.motion.windows import WindowBatch

FLOOR = FloorConfig(speed_m_s=0.2, tolerance_m=0.03, confidence_at_least=0.0)
CONTACT = ContactConfig(speed_m_s=0.2, height_m=0.04)
FPS = 30.0


@functools.cache
def open_body() -> BodyModel:
    return load_body_model(OPEN_BODY)


def standing_clip(frames: int = 20, name: str = "stand", subject: str = "a", height: float = 0.0) -> Clip:
    """Upright in the zero pose with the soles at `height`, moving only its fingers and its left arm."""
    body = open_body().shaped(torch.zeros(16, dtype=torch.float64))
    upright = torch.tensor([torch.pi / 2, 0, 0], dtype=torch.float64)
    p = torch.tensor([0.3, -0.2, float(body.standing_height[0]) + height], dtype=torch.float64)
    root = torch.cat([quaternion_from_rotation_vector(upright), p])
    phase = torch.linspace(0, 1, frames, dtype=torch.float64)[:, None, None]
    joint = torch.zeros(51, 3, dtype=torch.float64)
    joint[15, 1] = -1.0  # left shoulder
    joint[21:36, 2] = -0.5  # left fingers
    return Clip(
        name=name,
        source="test",
        subject=subject,
        activity="stand",
        licence="MIT",
        fps=FPS,
        betas=torch.zeros(16, dtype=torch.float64),
        q_parent_joint=quaternion_from_rotation_vector(phase * joint),
        T_world_root=root.expand(frames, 7).clone(),
    )


def synthetic_clips(count: int, seconds: float = 3.0) -> list[GroundedClip]:
    config = SyntheticConfig(
        seed=5,
        clips=count,
        clips_per_subject=1,
        seconds_min=seconds,
        seconds_max=seconds,
        fps=FPS,
        activities=("walk", "turn", "reach"),
    )
    return [ground(synthesise(open_body(), config, i), open_body(), FLOOR, CONTACT) for i in range(count)]


def stored(folder, clips: list[GroundedClip]) -> MotionStore:
    writer = StoreWriter(folder, StoreHeader(fps=FPS, body_digest=open_body().digest), "generation")
    for i, clip in enumerate(clips):
        writer.append(FileVerdict(f"file{i}", "accepted", "", len(clip.clip) / FPS, [clip]))
    writer.finish()
    return open_store(folder)


def window_batch(frames: int = 24, count: int = 4) -> WindowBatch:
    """Windows of synthetic motion in float64, all frames real, no hands."""
    clips = synthetic_clips(count, seconds=max(2.0, (frames + 2) / FPS))
    return WindowBatch(
        betas=torch.stack([c.clip.betas for c in clips]),
        q_parent_joint=torch.stack([c.clip.q_parent_joint[1 : frames + 1, :21] for c in clips]),
        contacts=torch.stack([c.contacts[1 : frames + 1] for c in clips]),
        T_world_cpf=torch.stack([c.T_world_cpf[: frames + 1] for c in clips]),
        mask=torch.ones(count, frames, dtype=torch.bool),
    )


def stored_arrays(store: MotionStore) -> dict[str, NDArray]:
    """The frames of all sequences in the files of a store, read independently of the store's own code."""
    return {
        name: np.fromfile(store.path / f"{name}.bin", dtype).reshape(-1, *shape)
        for name, (dtype, shape) in ARRAYS.items()
    }
