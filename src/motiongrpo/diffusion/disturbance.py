"""Head paths with the faults of a headset: a floor that is off, jitter, gaps, another frame rate.

A motion store holds paths without fault. In use the floor is estimated, tracking jitters, gaps were bridged,
and the headset's rate is not the model's. A denoiser is trained under such paths while its target stays the
true motion, so it learns to rely on what such paths still tell.

The order is that of use: the head is sampled at the headset's rate and brought to the model's, each pose
with its error; a gap is bridged between the poses beside it; the floor lifts all of them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.config import Config
from motiongrpo.base.shapes import FrameMask, PerSequence, Poses
from motiongrpo.geometry.so3 import (
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
    slerp,
)

Paths = Float[Tensor, "batch frame_and_one 7"]
Instants = Float[Tensor, "batch frame_and_one"]  # in frames of the path, counted from its first


class Disturbance(Config):
    """The amount of each fault; zero, or a rate at or above the model's, means none."""

    floor_m: float = Field(ge=-1, le=1)  # by which the path is too high
    jitter_m: float = Field(ge=0, le=0.1)  # standard deviation along each axis, independent in every frame
    jitter_rad: float = Field(ge=0, le=0.5)  # of the rotation vector's parts
    gap_s: float = Field(ge=0)  # between two poses, with none that was seen between them
    rate_hz: float = Field(gt=0)  # of the poses that were seen


class DisturbanceConfig(Disturbance):
    """Faults of training windows, each drawn independently between none and this; the floor up or down."""

    share: float = Field(ge=0, le=1)  # of windows; the others have no fault


@dataclass(frozen=True)
class Amounts(Batched):
    """A `Disturbance` for each window of a batch."""

    floor_m: PerSequence
    jitter_m: PerSequence
    jitter_rad: PerSequence
    gap_s: PerSequence
    rate_hz: PerSequence


def disturbed(
    T_world_cpf: Paths, mask: FrameMask, fps: float, config: DisturbanceConfig, generator: torch.Generator
) -> Paths:
    """The paths of a batch: a share disturbed, by amounts drawn for each; the others as they were."""
    if config.share == 0:
        return T_world_cpf
    which = torch.rand(len(mask), generator=generator) < config.share
    amounts = drawn_amounts(len(mask), fps, config, generator)
    told = told_paths(T_world_cpf, mask, fps, amounts, generator)
    return torch.where(which.to(mask.device)[:, None, None], told, T_world_cpf)


def drawn_amounts(count: int, fps: float, most: Disturbance, generator: torch.Generator) -> Amounts:
    """Uniform amounts, independent of each other: from none to the most, the floor either way."""
    u = torch.rand(count, 5, generator=generator)
    floor, jitter_m, jitter_rad, gap, rate = u.unbind(-1)
    return Amounts(
        floor_m=most.floor_m * (2 * floor - 1),
        jitter_m=most.jitter_m * jitter_m,
        jitter_rad=most.jitter_rad * jitter_rad,
        gap_s=most.gap_s * gap,
        rate_hz=fps + rate * (min(most.rate_hz, fps) - fps),
    )


def equal_amounts(count: int, disturbance: Disturbance) -> Amounts:
    """The same for every window."""
    return Amounts(**{name: torch.full((count,), value) for name, value in disturbance.model_dump().items()})


def told_paths(
    T_world_cpf: Paths, mask: FrameMask, fps: float, amounts: Amounts, generator: torch.Generator
) -> Paths:
    """The paths under these amounts; padding repeats the last real frame, as before.

    `mask` has no place for the path's first frame, which comes before the window and is always real.
    """
    u = torch.rand(len(mask), 2, generator=generator)
    noise = torch.randn(*T_world_cpf.shape[:2], 6, generator=generator)
    u, noise, amounts = u.to(T_world_cpf), noise.to(T_world_cpf), amounts.to(T_world_cpf.device)
    last = mask.sum(-1).to(T_world_cpf)
    T = at_rate(T_world_cpf, last, fps / amounts.rate_hz.to(last), u[:, 0])
    T = with_jitter(T, amounts.jitter_m.to(last), amounts.jitter_rad.to(last), noise)
    T = with_gap(T, last, amounts.gap_s.to(last) * fps, u[:, 1])
    T = with_floor(T, amounts.floor_m.to(last))
    return at_instants(T, torch.minimum(_frames(T), last[:, None]))


def at_rate(T: Paths, last: PerSequence, period: PerSequence, phase: PerSequence) -> Paths:
    """Seen every `period` frames and brought back: linear between what was seen, by slerp for rotations.

    `phase` ∈ [0, 1] periods is when the first pose after the path's beginning is seen. The first and the last
    real frame are seen too, and a period of one frame or less changes nothing.
    """
    frame, period = _frames(T), period[:, None]
    start = phase[:, None] * period
    earlier = ((frame - start) / period).floor() * period + start
    slower = period > 1
    earlier, later = torch.where(slower, earlier, frame), torch.where(slower, earlier + period, frame)
    return bridged(T, *(seen.clamp(min=0).minimum(last[:, None]) for seen in (earlier, later)))


def with_gap(T: Paths, last: PerSequence, longest: PerSequence, place: PerSequence) -> Paths:
    """Bridged between two poses that are up to `longest` frames apart, `place` ∈ [0, 1] along the window."""
    span = longest.floor().clamp(min=1).minimum(last)
    first = (place * (last - span + 1)).floor().minimum(last - span)
    frame, before, after = _frames(T), first[:, None], (first + span)[:, None]
    unseen = (frame > before) & (frame < after)
    return bridged(T, torch.where(unseen, before, frame), torch.where(unseen, after, frame))


def with_jitter(
    T: Paths, sd_m: PerSequence, sd_rad: PerSequence, noise: Float[Tensor, "batch frame_and_one 6"]
) -> Paths:
    """Every pose with an independent error: position in the world, rotation about the head's axes."""
    turn = matrix_from_rotation_vector(sd_rad[:, None, None] * noise[..., 3:])
    q = quaternion_from_matrix(matrix_from_quaternion(T[..., :4]) @ turn)
    jittered = torch.cat([q, T[..., 4:] + sd_m[:, None, None] * noise[..., :3]], dim=-1)
    still = (sd_m == 0) & (sd_rad == 0)
    return torch.where(still[:, None, None], T, jittered)


def with_floor(T: Paths, height_m: PerSequence) -> Paths:
    """The head higher by this much, as if the floor were believed to be lower than it is."""
    up = T.new_tensor([0.0] * 6 + [1.0])
    return T + height_m[:, None, None] * up


def bridged(T: Paths, earlier: Instants, later: Instants) -> Paths:
    """Each frame interpolated between the poses at two instants around it, which may be one."""
    apart = later - earlier
    weight = torch.where(apart > 0, (_frames(T) - earlier) / apart.clamp(min=1e-6), 0)
    return interpolated(at_instants(T, earlier), at_instants(T, later), weight)


def at_instants(T: Paths, instant: Instants) -> Paths:
    """The poses of the paths at instants between their first and last frame."""
    earlier = instant.floor().long()
    later = (earlier + 1).clamp(max=T.shape[1] - 1)
    batch = torch.arange(len(T), device=T.device)[:, None]
    return interpolated(T[batch, earlier], T[batch, later], instant - earlier)


def interpolated(T_a: Poses, T_b: Poses, weight: Float[Tensor, "*batch"]) -> Poses:
    """The pose at `weight` ∈ [0, 1] from one to the other: positions linearly, rotations by slerp."""
    q = slerp(T_a[..., :4], T_b[..., :4], weight)
    p = torch.lerp(T_a[..., 4:], T_b[..., 4:], weight[..., None])
    return torch.where(weight[..., None] == 0, T_a, torch.cat([q, p], dim=-1))


def _frames(T: Paths) -> Float[Tensor, " frame_and_one"]:
    return torch.arange(T.shape[1], device=T.device).to(T)
