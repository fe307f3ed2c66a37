"""Glitches: joints that jump away for a few frames, detected and interpolated.

The steepness of a step between two frames is its rotation or displacement over the most that one frame
allows. A glitch is a run of frames between steps steeper than 1; neighbouring steps steeper than GENTLE
belong to it, and the interpolation that replaces it is never steeper than GENTLE.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.so3 import slerp
from motiongrpo.motion.clip import Clip

GENTLE = 0.5
MOST_TURN = torch.pi / 2  # rad, across a repair; beyond it a joint has flipped, and either side may be true

Track = Float[Tensor, "frame 7"]
"""The poses of one joint in its parent, `wxyz_xyz`; only the root changes position."""


@dataclass(frozen=True)
class JumpLimits:
    """The largest step of a joint between two frames, and the longest glitch to repair."""

    turn: float  # radians
    travel: float  # metres
    frames: int


@dataclass(frozen=True)
class Repair:
    """Frames [start, stop) of one joint in its clip, interpolated between their neighbours."""

    joint: Joint
    start: int
    stop: int
    worst_deg: float  # largest rotation between two frames before the repair


def steepness(
    a: Float[Tensor, "*batch 7"], b: Float[Tensor, "*batch 7"], limits: JumpLimits
) -> Float[Tensor, "*batch"]:
    """The larger of rotation and displacement between two poses, each over the most that one frame allows."""
    travel = (b[..., 4:] - a[..., 4:]).norm(dim=-1)
    return torch.maximum(_turn(a, b) / limits.turn, travel / limits.travel)


def jumps_of(clip: Clip, limits: JumpLimits) -> Bool[Tensor, "step joint"]:
    """The steps steeper than 1 of every joint, found by the cosine of half the angle."""
    least = math.cos(min(limits.turn / 2, math.pi))
    root, q = clip.T_world_root, clip.q_parent_joint
    travels = root[:, 4:].diff(dim=0).norm(dim=-1) > limits.travel
    root_jumps = travels | (_cos_of_half(root[:-1, :4], root[1:, :4]) < least)
    return torch.cat([root_jumps[:, None], _cos_of_half(q[:-1], q[1:]) < least], dim=1)


def mend(clip: Clip, jumps: Bool[Tensor, "step joint"], limits: JumpLimits) -> tuple[Clip, list[Repair]]:
    """The clip with every glitch interpolated that has a gentle interpolation; others of its jumps stay."""
    joints = torch.nonzero(jumps.any(dim=0))[:, 0].tolist()
    if not joints:
        return clip, []
    root, q, repairs = clip.T_world_root.clone(), clip.q_parent_joint.clone(), []
    for joint in map(Joint, joints):
        if joint == Joint.PELVIS:
            repairs += _mend(root, joint, limits)
        else:
            track = torch.nn.functional.pad(q[:, joint - 1], (0, 3))
            repairs += _mend(track, joint, limits)
            q[:, joint - 1] = track[:, :4]
    return replace(clip, T_world_root=root, q_parent_joint=q), repairs


def _mend(track: Track, joint: Joint, limits: JumpLimits) -> Iterator[Repair]:
    """Interpolate, in place, every glitch of a joint that has a gentle interpolation."""
    steep = steepness(track[:-1], track[1:], limits)
    for first, last in _glitches(steep, limits.frames):
        ends = _ends(track, first, last, limits, may_widen=joint != Joint.PELVIS)
        if ends is not None:
            start, stop = ends[0] + 1, ends[1]
            worst = _turn(track[start - 1 : stop], track[start : stop + 1]).amax()
            track[start:stop] = _interpolated(track[start - 1], track[stop], stop - start)
            yield Repair(joint, start, stop, float(torch.rad2deg(worst)))


def _glitches(steep: Float[Tensor, " step"], longest: int) -> Iterator[tuple[int, int]]:
    """First and last step of each glitch, widened by its neighbours steeper than GENTLE up to `longest`."""
    rough = _chains(torch.nonzero(steep > GENTLE)[:, 0].tolist(), longest)
    for first, last in _chains(torch.nonzero(steep > 1)[:, 0].tolist(), longest):
        wide = next((a, b) for a, b in rough if a <= first and last <= b)
        yield wide if wide[1] - wide[0] <= longest else (first, last)


def _chains(steps: list[int], gap: int) -> list[tuple[int, int]]:
    """First and last number of each run whose numbers are no further apart than `gap`."""
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
    """The frames before and after a glitch for its interpolation: the closest pair with a gentle one.

    The pelvis carries the whole body, so a glitch of the pelvis is not widened: its jump may be a true cut.
    """
    spare = limits.frames - (last - first)
    widest = min(spare // 2 if may_widen else min(spare, 0), first, len(track) - last - 2)
    wider = torch.arange(max(widest + 1, 0))
    before, after = track[first - wider], track[last + 1 + wider]
    gentle = steepness(before, after, limits) <= GENTLE * (last + 1 - first + 2 * wider)
    found = torch.nonzero(gentle & (_turn(before, after) <= MOST_TURN))[:, 0]
    return (first - int(found[0]), last + 1 + int(found[0])) if len(found) else None


def _interpolated(a: Float[Tensor, "7"], b: Float[Tensor, "7"], count: int) -> Float[Tensor, "frame 7"]:
    """`count` poses at equal intervals between two."""
    weight = torch.arange(1, count + 1).to(a) / (count + 1)
    q = slerp(a[:4].expand(count, 4), b[:4].expand(count, 4), weight)
    return torch.cat([q, a[4:] + weight[:, None] * (b[4:] - a[4:])], dim=-1)


def _turn(a: Float[Tensor, "*batch 7"], b: Float[Tensor, "*batch 7"]) -> Float[Tensor, "*batch"]:
    """Angle in radians between two orientations."""
    return 2 * torch.acos((a[..., :4] * b[..., :4]).sum(dim=-1).abs().clamp(max=1.0))


def _cos_of_half(a: Float[Tensor, "*batch 4"], b: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """The cosine of half the angle between two orientations, component by component: quick for many."""
    w, x, y, z = (one * other for one, other in zip(a.unbind(-1), b.unbind(-1), strict=True))
    return (w + x + y + z).abs()
