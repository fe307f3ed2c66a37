"""The verdict on a clip: accepted, repaired, split where it cannot be repaired, or refused with a reason.

Every clip yields a report and the pieces that are kept of it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.words import counted
from motiongrpo.body.skeleton import Joint
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.glitches import JumpLimits, Repair, jumps_of, mend

TRAVELS_M = 1.0  # path length from which the pelvis must rise and fall with the steps

Verdict = Literal["accepted", "repaired", "split", "refused"]


class QualityConfig(Config):
    """The bounds by which a clip is kept, repaired or cut."""

    least_seconds: float = Field(gt=0)  # shorter pieces are dropped
    jump_deg_s: float = Field(gt=0)  # a joint that turns faster has jumped
    jump_m_s: float = Field(gt=0)  # a pelvis that travels faster has jumped
    repair_seconds: float = Field(ge=0)  # the longest glitch that is replaced
    frozen_seconds: float = Field(gt=0)  # a pose repeated for longer is lost tracking
    lowest_pelvis_m: float  # median height above the floor of the file
    highest_pelvis_m: float = Field(gt=0)
    least_bob_m: float = Field(ge=0)  # least rise and fall of the pelvis of a clip that travels

    def limits(self, fps: float) -> JumpLimits:
        """The bounds on a step between two frames at a frame rate."""
        return JumpLimits(
            turn=math.radians(self.jump_deg_s) / fps,
            travel=self.jump_m_s / fps,
            frames=int(self.repair_seconds * fps),
        )


@dataclass(frozen=True)
class QualityReport:
    """The faults of one clip, and what was done about them."""

    name: str
    verdict: Verdict
    reason: str  # one sentence, empty when the clip is unchanged
    repairs: tuple[Repair, ...]
    cuts: tuple[int, ...]  # frames at which a new piece starts after a jump
    frames: int
    kept_frames: int

    @property
    def repaired_frames(self) -> int:
        """Frames in which at least one joint was replaced."""
        return len({frame for repair in self.repairs for frame in range(repair.start, repair.stop)})


def check_quality(clip: Clip, config: QualityConfig) -> tuple[list[Clip], QualityReport]:
    """The pieces that are kept of a clip, without jumps, and the report on it."""
    refusal = _refusal(clip, config)
    if refusal:
        return [], QualityReport(clip.name, "refused", refusal, (), (), len(clip), 0)
    limits = config.limits(clip.fps)
    frozen = _frozen(clip, math.ceil(config.frozen_seconds * clip.fps))
    jumps = jumps_of(clip, limits)
    mended, repairs = mend(clip, jumps, limits)
    jumps = jumps_of(mended, limits) if repairs else jumps
    spans = _spans(jumps.any(dim=-1), ~frozen)
    kept = [(start, stop) for start, stop in spans if stop - start >= config.least_seconds * clip.fps]
    whole = kept == [(0, len(clip))]
    report = QualityReport(
        name=clip.name,
        verdict=_verdict(bool(kept), whole, bool(repairs)),
        reason=_reason(repairs, jumps, frozen, len(spans) - len(kept), config),
        repairs=tuple(repairs),
        cuts=tuple((torch.nonzero(jumps.any(dim=-1))[:, 0] + 1).tolist()),
        frames=len(clip),
        kept_frames=sum(stop - start for start, stop in kept),
    )
    names = [clip.name] if whole else [f"{clip.name}.{number}" for number in range(1, len(kept) + 1)]
    pieces = [replace(mended.frames(*span), name=name) for span, name in zip(kept, names, strict=True)]
    return pieces, report


def _verdict(anything: bool, whole: bool, mended: bool) -> Verdict:
    if not anything:
        return "refused"
    if not whole:
        return "split"
    return "repaired" if mended else "accepted"


def _refusal(clip: Clip, config: QualityConfig) -> str:
    """The reason why no part of a clip can be used, or ""."""
    if not_finite := _not_finite(clip):
        return not_finite
    if len(clip) < config.least_seconds * clip.fps:
        return f"it lasts {len(clip) / clip.fps:.2f} s, and {config.least_seconds} s are needed"
    return _implausible_height(clip, config) or _flat(clip, config)


def _not_finite(clip: Clip) -> str:
    if torch.isfinite(clip.T_world_root.sum() + clip.q_parent_joint.sum()):  # then every value is finite
        return ""
    finite = torch.isfinite(clip.T_world_root).all(dim=-1, keepdim=True)
    finite = torch.cat([finite, torch.isfinite(clip.q_parent_joint).all(dim=-1)], dim=1)
    if finite.all():
        return ""
    frame, joint = torch.nonzero(~finite)[0].tolist()
    return f"{Joint(joint).name.lower()} is not finite at frame {frame}"


def _implausible_height(clip: Clip, config: QualityConfig) -> str:
    height = float(clip.T_world_root[:, 6].median())

    def plausible(height_m: float) -> bool:
        return config.lowest_pelvis_m <= height_m <= config.highest_pelvis_m

    if plausible(height):
        return ""
    units = {"centimetres": 0.01, "millimetres": 0.001, "metres taken for centimetres": 100.0}
    guess = next((f": heights look like {unit}" for unit, m in units.items() if plausible(height * m)), "")
    return f"the pelvis is at {height:.3g} m over the floor of the file{guess}"


def _flat(clip: Clip, config: QualityConfig) -> str:
    """The refusal of a pelvis that travels at constant height, since its vertical motion is missing."""
    p = clip.T_world_root[:, 4:]
    travel = float((p[1:, :2] - p[:-1, :2]).norm(dim=-1).sum())
    bob = float(p[:, 2].amax() - p[:, 2].amin())
    if travel < TRAVELS_M or bob >= config.least_bob_m:
        return ""
    return (
        f"the pelvis travels {travel:.1f} m and rises by {1000 * bob:.1f} mm: its vertical motion is missing"
    )


def _frozen(clip: Clip, longest: int) -> Bool[Tensor, " frame"]:
    """Frames that repeat the one before, `longest` or more in a row: the tracker has lost its subject."""
    root, q = clip.T_world_root, clip.q_parent_joint
    repeats = torch.zeros(len(clip), dtype=torch.bool)
    repeats[1:] = (root[1:] == root[:-1]).all(dim=1)
    again = torch.nonzero(repeats)[:, 0]
    repeats[again] = (q[again] == q[again - 1]).flatten(1).all(dim=1)
    run = (~repeats).cumsum(dim=0)
    return repeats & (run.bincount()[run] - 1 >= longest)


def _spans(jumps: Bool[Tensor, " step"], real: Bool[Tensor, " frame"]) -> list[tuple[int, int]]:
    """The runs [start, stop) of real frames without a jump."""
    breaks = jumps | ~real[1:] | ~real[:-1]
    starts = [0, *(torch.nonzero(breaks)[:, 0] + 1).tolist()]
    return [(a, b) for a, b in zip(starts, [*starts[1:], len(real)], strict=True) if real[a]]


def _reason(
    repairs: list[Repair],
    jumps: Bool[Tensor, "step joint"],
    frozen: Tensor,
    dropped: int,
    config: QualityConfig,
) -> str:
    """One sentence on everything that was done."""
    said = []
    if repairs:
        joints = sorted({repair.joint.name.lower() for repair in repairs})
        said.append(f"{counted(len(repairs), 'glitch', 'glitches')} of {', '.join(joints)} interpolated")
    if jumps.any():
        step, joint = torch.nonzero(jumps)[0].tolist()
        count, name = int(jumps.any(dim=-1).sum()), Joint(joint).name.lower()
        said.append(f"cut at {counted(count, 'jump')}, the first of {name} at frame {step + 1}")
    if frozen.any():
        first = int(torch.nonzero(frozen)[0, 0])
        said.append(f"{counted(int(frozen.sum()), 'frozen frame')} left out, the first {first}")
    if dropped:
        said.append(f"{counted(dropped, 'piece')} under {config.least_seconds} s left out")
    return "; ".join(said)
