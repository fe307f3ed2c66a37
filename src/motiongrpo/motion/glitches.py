"""Glitches: joints that jump away for a few frames, detected and interpolated.

The steepness of a step between two frames is its turn or travel over the most that one frame allows. A
glitch is a run of frames between steps steeper than 1; neighbouring steps steeper than GENTLE belong to it,
and the interpolation that replaces it is never steeper than GENTLE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.so3 import slerp
from motiongrpo.motion.clip import Clip

GENTLE = 0.5
BLOCK = 2048  # steps whose differences are held in memory together
MOST_TURN = torch.pi / 2  # rad, across a repair; beyond it a joint has flipped, and either side may be right

Tracks = Float[Tensor, "frame 52 7"]
"""The pose of every joint in its parent, `wxyz_xyz`; only that of the root moves in position."""


@dataclass(frozen=True)
class JumpLimits:
    """The longest step of a joint between two frames, and the longest glitch to mend."""

    turn: float  # radians
    travel: float  # metres
    frames: int


@dataclass(frozen=True)
class Repair:
    """Frames [start, stop) of one joint in its clip, interpolated between their neighbours."""

    joint: Joint
    start: int
    stop: int
    worst_deg: float  # turned between two frames before


def tracks_of(clip: Clip) -> Tracks:
    """The tracks of a clip."""
    joints = 1 + clip.q_parent_joint.shape[1]
    tracks = clip.T_world_root.new_zeros(len(clip), joints, clip.T_world_root.shape[1])
    tracks[:, 0], tracks[:, 1:, :4] = clip.T_world_root, clip.q_parent_joint
    return tracks


def with_tracks(clip: Clip, tracks: Tracks) -> Clip:
    """The clip with the motion of other tracks."""
    return replace(clip, T_world_root=tracks[:, 0], q_parent_joint=tracks[:, 1:, :4])


def steepness(
    a: Float[Tensor, "*batch 7"], b: Float[Tensor, "*batch 7"], limits: JumpLimits
) -> Float[Tensor, "*batch"]:
    """The larger of turn and travel from one pose to another, each over the most that one frame allows."""
    travel = (b[..., 4:] - a[..., 4:]).norm(dim=-1)
    return torch.maximum(_turn(a, b) / limits.turn, travel / limits.travel)


def step_steepness(tracks: Tracks, limits: JumpLimits) -> Float[Tensor, "step 52"]:
    """The steepness of the step between every two frames, computed over BLOCK of them at a time."""
    starts = range(0, max(len(tracks) - 1, 1), BLOCK)
    blocks = [tracks[start : start + BLOCK + 1] for start in starts]
    return torch.cat([steepness(block[:-1], block[1:], limits) for block in blocks])


def mend(tracks: Tracks, limits: JumpLimits) -> tuple[Tracks, list[Repair]]:
    """The tracks with every glitch interpolated that has a gentle interpolation; others stay."""
    steep = step_steepness(tracks, limits)
    if not (steep > 1).any():
        return tracks, []
    tracks, repairs = tracks.clone(), []
    for joint in torch.nonzero((steep > 1).any(dim=0))[:, 0].tolist():
        track = tracks[:, joint]
        for first, last in _glitches(steep[:, joint], limits.frames):
            ends = _ends(track, first, last, limits, may_widen=joint != Joint.PELVIS)
            if ends is not None:
                start, stop = ends[0] + 1, ends[1]
                worst = _turn(track[start - 1 : stop], track[start : stop + 1]).amax()
                repairs.append(Repair(Joint(joint), start, stop, float(torch.rad2deg(worst))))
                track[start:stop] = _interpolated(track[start - 1], track[stop], stop - start)
    return tracks, repairs


def _glitches(steep: Float[Tensor, " step"], longest: int) -> Iterator[tuple[int, int]]:
    """First and last step of each glitch, widened by its neighbours steeper than GENTLE up to `longest`."""
    rough = _chains(torch.nonzero(steep > GENTLE)[:, 0].tolist(), longest)
    for first, last in _chains(torch.nonzero(steep > 1)[:, 0].tolist(), longest):
        wide = next((a, b) for a, b in rough if a <= first and last <= b)
        yield wide if wide[1] - wide[0] <= longest else (first, last)


def _chains(steps: list[int], gap: int) -> list[tuple[int, int]]:
    """First and last of the runs of numbers no further apart than `gap`."""
    chains: list[tuple[int, int]] = []
    for step in steps:
        if chains and step - chains[-1][1] <= gap:
            chains[-1] = (chains[-1][0], step)
        else:
            chains.append((step, step))
    return chains


def _ends(
    track: Float[Tensor, "frame 7"], first: int, last: int, limits: JumpLimits, may_widen: bool
) -> tuple[int, int] | None:
    """The frames before and after a glitch between which it is interpolated: the closest pair that is gentle.

    The pelvis carries the whole body, so a glitch of the pelvis is not widened: its jump may be a true cut.
    """
    for a, b in zip(range(first, -1, -1), range(last + 1, len(track)), strict=False):
        if b - a - 1 > limits.frames:
            return None
        gentle = steepness(track[a], track[b], limits) <= GENTLE * (b - a)
        if gentle and _turn(track[a], track[b]) <= MOST_TURN:
            return a, b
        if not may_widen:
            return None
    return None


def _interpolated(a: Float[Tensor, "7"], b: Float[Tensor, "7"], count: int) -> Float[Tensor, "frame 7"]:
    """`count` poses at equal intervals between two."""
    weight = torch.arange(1, count + 1).to(a) / (count + 1)
    q = slerp(a[:4].expand(count, 4), b[:4].expand(count, 4), weight)
    return torch.cat([q, a[4:] + weight[:, None] * (b[4:] - a[4:])], dim=-1)


def _turn(a: Float[Tensor, "*batch 7"], b: Float[Tensor, "*batch 7"]) -> Float[Tensor, "*batch"]:
    """Angle in radians between two orientations."""
    return 2 * torch.acos((a[..., :4] * b[..., :4]).sum(dim=-1).abs().clamp(max=1.0))
