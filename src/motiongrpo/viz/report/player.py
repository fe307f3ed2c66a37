"""Scenes for the report's player: whole millimetres and bit masks, small enough to mail."""

from typing import Any

import numpy as np
from numpy import ndarray
from torch import Tensor

from motiongrpo.body.skeleton import Joint
from motiongrpo.viz.clips.scene import GRID_M, Camera, Scene, Shot
from motiongrpo.viz.figures.palette import BLUE, GREEN, VERMILLION
from motiongrpo.viz.figures.skeleton import BONES, side_of

MM_PER_M = 1000.0
SKELETON = {
    "bones": [[int(parent), int(joint), side_of(joint)] for parent, joint in BONES],
    "head": int(Joint.HEAD),
    "grid": GRID_M,
    "colours": {"LEFT": BLUE, "RIGHT": VERMILLION, "contact": GREEN},
}
"""Common to every scene: bones, the head joint, the grid of the floor and colours."""


def player_scene(scene: Scene) -> dict[str, Any]:
    """A scene for the page's script; a frame's joints are one flat list, its contacts one number."""
    camera = Camera(scene)
    truth = scene.truth.p_world_joint
    return {
        "title": scene.title,
        "fps": scene.fps,
        "motions": [
            {
                "name": motion.name,
                "joints": _millimetres(motion.p_world_joint),
                "contacts": [_bits(frame) for frame in motion.contacts.numpy()],
                "error": _millimetres((motion.p_world_joint - truth).norm(dim=-1).mean(-1)[:, None]),
            }
            for motion in scene.motions
        ],
        "head": _millimetres(scene.T_world_cpf[:, 4:]),
        "centre": _millimetres(camera.centre),
        "shots": [_shot(shot) for shot in camera.shots],
    }


def _shot(shot: Shot) -> dict[str, Any]:
    return {
        "name": shot.name,
        "across": shot.view.across.double().numpy().round(5).tolist(),
        "up": shot.view.up.double().numpy().round(5).tolist(),
        "reach": round(shot.reach_m, 3),
        "low": round(shot.low_m, 3),
        "top": round(shot.top_m, 3),
        "floor": [round(edge, 3) for edge in shot.floor_m],
        "deep": shot.grid_deep,
    }


def _millimetres(metres: Tensor) -> list[list[int]]:
    return (metres.flatten(1) * MM_PER_M).round().int().tolist()


def _bits(touching: ndarray) -> int:
    """Contacts as a bit mask: bit k is joint k + 1."""
    return int((1 << np.flatnonzero(touching)).sum())
