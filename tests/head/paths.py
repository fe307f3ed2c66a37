"""Known head paths: a wearer who walks along a curve and looks around, as rows at any times."""

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from motiongrpo.head.flaws import HeadRepairConfig
from motiongrpo.head.path import HeadRecording, RawHeadPath
from motiongrpo.head.preparation import prepared

FPS = 30.0
START_S = 12345.678  # of the file's clock
CONFIG = HeadRepairConfig(
    longest_gap_s=0.25,
    shortest_s=1.0,
    jump_m=0.08,
    jump_m_s=2.0,
    jump_deg=30.0,
    jump_deg_s=1000.0,
    frozen_s=0.5,
    least_quality=0.5,
    lowest_m=0.3,
    highest_m=2.5,
    fastest_m_s=6.0,
    backwards_m=10.0,
    jitter_mm=3.0,
    jitter_deg=0.5,
)
LEVEL = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])  # looks along x, up is z, left is y


def walker(t: np.ndarray) -> np.ndarray:
    """Poses at times from the start: 1.2 m/s around a circle of 3 m, two steps per second, a nodding head."""
    angle = 0.4 * t
    p = [3 * np.sin(angle), 3 - 3 * np.cos(angle), 1.6 + 0.02 * np.sin(4 * np.pi * t)]
    turn = np.stack([angle + 0.3 * np.sin(3 * t), 0.1 * np.sin(5 * t), 0 * t], axis=1)
    q = (Rotation.from_euler("ZYX", turn) * LEVEL).as_quat(scalar_first=True)
    return np.concatenate([q, np.stack(p, axis=1)], axis=1)


def times(rate: float, seconds: float, jitter: float = 0.0, seed: int = 0) -> np.ndarray:
    """Times at a rate, each shifted by up to a share of a step; below one half they stay in order."""
    t = np.arange(round(rate * seconds) + 1) / rate
    return np.maximum(t + np.random.default_rng(seed).uniform(-jitter, jitter, len(t)) / rate, 0)


def raw_path(t: np.ndarray, poses: np.ndarray | None = None, **changes) -> RawHeadPath:
    """A file of these rows, by default of the walker, on a floor-level origin; its first row is line 2."""
    raw = RawHeadPath(
        name="head.csv",
        format="openxr",
        line=np.arange(2, len(t) + 2),
        time_s=START_S + t,
        T_world_cpf=walker(t) if poses is None else poses,
        origin="floor",
        map_id=None,
        quality=None,
        notes=(),
    )
    return replace(raw, **changes)


def prepare(raw: RawHeadPath, floor_m: float | Literal["estimate"] | None = None, **changes) -> HeadRecording:
    return prepared(raw, FPS, CONFIG.model_copy(update=changes), floor_m)


def without(raw: RawHeadPath, rows: slice) -> RawHeadPath:
    """The file without some of its rows."""
    keep = np.ones(len(raw.time_s), dtype=bool)
    keep[rows] = False
    per_row = {"line": raw.line[keep], "time_s": raw.time_s[keep], "T_world_cpf": raw.T_world_cpf[keep]}
    return replace(raw, **per_row)


def moved(raw: RawHeadPath, rows: slice, by: tuple[float, float, float]) -> RawHeadPath:
    """The file with some of its poses elsewhere."""
    poses = raw.T_world_cpf.copy()
    poses[rows, 4:] += by
    return replace(raw, T_world_cpf=poses)


def with_nan(raw: RawHeadPath, rows: slice | list[int]) -> RawHeadPath:
    """The file with rows whose poses are not finite."""
    poses = raw.T_world_cpf.copy()
    poses[rows] = np.nan
    return replace(raw, T_world_cpf=poses)


def errors(recording: HeadRecording) -> tuple[np.ndarray, np.ndarray]:
    """How far each frame is from the walker, in mm and degrees."""
    found = np.concatenate([stretch.T_world_cpf.double().numpy() for stretch in recording.stretches])
    at = np.concatenate([stretch.source_s.numpy() for stretch in recording.stretches]) - START_S
    true = walker(at)
    cos = np.abs((found[:, :4] * true[:, :4]).sum(axis=1)).clip(max=1)
    return 1000 * np.linalg.norm(found[:, 4:] - true[:, 4:], axis=1), np.degrees(2 * np.arccos(cos))
