"""From the rows of a file to a recording that a model can be given: checked, repaired, on its floor."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch

from motiongrpo.base.words import counted
from motiongrpo.head.checks import (
    jitter,
    jittery,
    refuse_backwards,
    refuse_wrong_height,
    refuse_wrong_speed,
    speeds,
    warnings_on_motion,
    warnings_on_rows,
)
from motiongrpo.head.flaws import HeadRepairConfig, Index, usable_rows
from motiongrpo.head.floor import FLOOR_KEY, estimated_floor, known_floor
from motiongrpo.head.path import Floor, HeadRecording, RawHeadPath, Stretch, Touch
from motiongrpo.head.repair import Piece, Repaired, repaired

MUCH = 0.1  # share of touched frames, from which on it is a warning
BITS = {"gap": Touch.GAP, "jitter": Touch.JITTER, "frozen": Touch.FROZEN, "tracking": Touch.TRACKING}
STILL_M = 2.0  # travel below which a wearer may be sitting all along


def prepared(
    raw: RawHeadPath, fps: float, config: HeadRepairConfig, floor_m: float | Literal["estimate"] | None
) -> HeadRecording:
    """The recording at `fps`, its floor at z = 0, with all that was found and changed.

    It depends on the file's rows and the configuration alone. Raises InputError, in one sentence, where the
    rows cannot be a head's path in metres over a floor, or hold no unbroken stretch.
    """
    rows = usable_rows(raw, config)
    known = known_floor(raw, floor_m)
    if known is None:
        refuse_wrong_speed(raw, rows, config)
    else:
        height = float(np.median(raw.T_world_cpf[rows, 6])) - known.height_m
        refuse_wrong_height(raw.name, height, config)
    repair = repaired(raw, fps, config)
    floors = {piece.world: known or _estimated(raw, repair, piece.world) for piece in repair.pieces}
    stretches = tuple(_stretch(piece, repair, floors[piece.world], fps, config) for piece in repair.pieces)
    poses = [stretch.T_world_cpf.numpy().astype(np.float64) for stretch in stretches]
    refuse_backwards(raw.name, poses, fps, config)
    facts = _facts(raw, rows, stretches, fps)
    longest = max(repair.pieces, key=lambda piece: len(piece.frames.at))
    floor = floors[longest.world]
    warnings = (
        *warnings_on_rows(raw, rows, config),
        *warnings_on_motion(poses, fps, config),
        *_warnings_on_frames(facts, config),
        *_warnings_on_floors(repair, floors, facts["travel_m"], config),
    )
    resampling = f"resampled by time from {facts['rate_hz']:.4g} rows to {fps:g} frames a second"
    repairs = (*raw.notes, resampling, *repair.sentences)
    return HeadRecording(raw.name, raw.format, fps, stretches, floor, {**facts}, warnings, repairs)


def _estimated(raw: RawHeadPath, repair: Repaired, world: int) -> Floor:
    """The floor of one world, from all its stretches."""
    heights = [piece.frames.poses[:, 6] for piece in repair.pieces if piece.world == world]
    return estimated_floor(np.concatenate(heights), raw.name)


def _stretch(piece: Piece, repair: Repaired, floor: Floor, fps: float, config: HeadRepairConfig) -> Stretch:
    """A piece on its floor, in the precision of a model, times excepted."""
    poses = piece.frames.poses - np.array([0, 0, 0, 0, 0, 0, floor.height_m])
    touched = piece.touched | np.where(jittery(poses, fps, config), int(Touch.JITTER), 0)
    return Stretch(
        T_world_cpf=torch.from_numpy(poses).float(),
        source_s=torch.from_numpy(repair.start_s + piece.frames.at / fps),
        touched=torch.from_numpy(touched),
    )


def _facts(
    raw: RawHeadPath, rows: Index, stretches: tuple[Stretch, ...], fps: float
) -> dict[str, float | int]:
    """What a reader of the report needs to know first, with units in the names."""
    steps = np.diff(raw.time_s[rows])
    touched = torch.cat([stretch.touched for stretch in stretches])
    poses = [stretch.T_world_cpf.numpy().astype(np.float64) for stretch in stretches]
    speed = np.concatenate([speeds(T, fps) for T in poses])
    scatter = np.median(np.concatenate([jitter(T) for T in poses]), axis=0)
    return {
        "rows": len(raw.time_s),
        "rows_used": len(rows),
        "seconds": float(raw.time_s[rows[-1]] - raw.time_s[rows[0]]),
        "rate_hz": 1 / float(np.median(steps)),
        "longest_step_ms": 1000 * float(steps.max()),
        "frames": len(touched),
        "stretches": len(stretches),
        "touched_share": float((touched != 0).double().mean()),
        **{f"{name}_share": float(((touched & bit) != 0).double().mean()) for name, bit in BITS.items()},
        "head_height_m": float(np.median(np.concatenate([T[:, 6] for T in poses]))),
        "travel_m": float(sum(np.linalg.norm(np.diff(T[:, 4:6], axis=0), axis=1).sum() for T in poses)),
        "speed_95_m_s": float(np.quantile(speed, 0.95)),
        "jitter_mm": float(scatter[0]),
        "jitter_deg": float(scatter[1]),
    }


def _warnings_on_frames(facts: dict[str, float | int], config: HeadRepairConfig) -> Iterator[str]:
    """What speaks against the frames as a whole."""
    if facts["gap_share"] > MUCH:
        yield f"{facts['gap_share']:.1%} of the frames lack rows near them and were bridged"
    if facts["jitter_share"] > MUCH:
        yield (
            f"{facts['jitter_share']:.1%} of the frames jitter by more than {config.jitter_mm:g} mm or "
            f"{config.jitter_deg:g}°: the tracker is noisy, and the body will tremble with it"
        )


def _warnings_on_floors(
    repair: Repaired,
    floors: dict[int, Floor],
    travel_m: float,
    config: HeadRepairConfig,
) -> Iterator[str]:
    """What speaks against the floors under the stretches."""
    if len(floors) > 1:
        yield (
            f"the recording holds {counted(len(floors), 'world')} that share no origin, after jumps or other "
            "maps: where one stands in another is unknown"
        )
    for piece in repair.pieces:
        height = float(np.median(piece.frames.poses[:, 6])) - floors[piece.world].height_m
        if not config.lowest_m <= height <= config.highest_m:
            yield (
                f"the eyes are {height:.3g} m over the floor (median) in the stretch that begins with frame "
                f"{piece.frames.at[0]}: the world has moved, or the floor is another there"
            )
    if next(iter(floors.values())).how == "estimated" and travel_m < STILL_M:
        yield (
            f"the floor was estimated as if the person stood, and with {travel_m:.1f} m of travel "
            f"they may have been sitting, 0.4 m lower: if so, set {FLOOR_KEY}"
        )
