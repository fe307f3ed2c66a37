"""Poses that arrive one by one, at any rate, with gaps and jumps, resampled to frames at a model's rate."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import slerp
from motiongrpo.head.flaws import BreakConfig
from motiongrpo.head.path import Touch

UNIT_NORM = 1e-3
SPARSE = 2.0  # frames between two poses, from which on those between them are a bridged gap
SAME_INSTANT = 1e-6  # of a frame
FARTHEST_M = 10_000.0  # from the world's origin, where float32 still tells millimetres


@dataclass(frozen=True)
class StreamedPose:
    """A frame of a stream: where the head is at an instant of the model's clock."""

    stretch: int  # counted from 0; another begins after a gap too long to be bridged, or a jump
    frame: int  # of the stretch, counted from 0
    time_s: float  # by the sender's clock
    T_world_cpf: Float[Tensor, "7"]  # float64
    touched: Touch


class PoseStream:
    """Resamples a stream by time: rotations by slerp along the shorter arc, positions linearly.

    The frames of a stretch lie at its first pose's time and every 1/fps seconds from there, so that they
    depend on the poses alone and not on when they arrive. A frame is out as soon as a pose at or after it
    is there, and never changes. There is no low-pass: tremble above fps/2 stays.

    A pose farther from the one before than a head moves in that time waits for the next: where that is as
    far, the world has another origin and a stretch begins; else it was a glitch and is left out.
    """

    def __init__(self, fps: float, breaks: BreakConfig) -> None:
        self.fps, self.breaks = fps, breaks
        self.late = 0  # poses dropped, since a later one had come before them
        self.late_by_s = 0.0  # of the last of them
        self._stretch, self._frames, self._start_s = -1, 0, 0.0
        self._newest: tuple[float, Tensor] | None = None
        self._doubted: tuple[float, Tensor] | None = None  # a pose that jumped
        self._velocity = torch.zeros(3, dtype=torch.float64)

    def push(self, time_s: float, T_world_cpf: Float[Tensor, "7"]) -> list[StreamedPose]:
        """The frames up to this pose that no earlier one could tell.

        A pose not later than the newest is dropped and counted. One that is not finite, not unit or far off
        is refused by InputError, and the stream goes on as if it had not come.
        """
        pose = T_world_cpf.double()
        demand_pose(time_s, pose)
        if self._newest is None or time_s - self._newest[0] > self.breaks.longest_gap_s:
            return [self._begin(time_s, pose)]
        if time_s <= self._newest[0]:
            self.late, self.late_by_s = self.late + 1, self._newest[0] - time_s
            return []
        if self._jumps(*self._newest, time_s, pose):
            if self._doubted is None:
                self._doubted = time_s, pose
                return []
            return [self._begin(*self._doubted), *self.push(time_s, pose)]
        before_s, before = self._newest
        self._newest, self._doubted = (time_s, pose), None
        self._velocity = (pose[4:] - before[4:]) / (time_s - before_s)
        return self._between(before_s, before, time_s, pose)

    def _jumps(self, before_s: float, before: Tensor, time_s: float, pose: Tensor) -> bool:
        """Whether no head gets there in that time, also when it goes on at its speed."""
        seconds, most = time_s - before_s, self.breaks
        moved = pose[4:] - before[4:]
        far_m = min(float(moved.norm()), float((moved - seconds * self._velocity).norm()))
        turned_deg = math.degrees(2 * math.acos(min(1.0, float((before[:4] @ pose[:4]).abs()))))
        return (
            far_m > most.jump_m + most.jump_m_s * seconds
            or turned_deg > most.jump_deg + most.jump_deg_s * seconds
        )

    def _begin(self, time_s: float, pose: Tensor) -> StreamedPose:
        self._stretch, self._frames, self._start_s = self._stretch + 1, 1, time_s
        self._newest, self._doubted = (time_s, pose), None
        self._velocity = torch.zeros(3, dtype=torch.float64)
        return StreamedPose(self._stretch, 0, time_s, pose, Touch.NONE)

    def _between(self, before_s: float, before: Tensor, time_s: float, pose: Tensor) -> list[StreamedPose]:
        passed = int((time_s - self._start_s) * self.fps + SAME_INSTANT) + 1
        touched = Touch.GAP if (time_s - before_s) * self.fps > SPARSE else Touch.NONE
        frames = []
        for frame in range(self._frames, passed):
            at = self._start_s + frame / self.fps
            weight = torch.tensor(min(1.0, (at - before_s) / (time_s - before_s)), dtype=torch.float64)
            q = slerp(before[:4], pose[:4], weight)
            T = torch.cat([q, torch.lerp(before[4:], pose[4:], weight)])
            frames.append(StreamedPose(self._stretch, frame, at, T, touched))
        self._frames = max(self._frames, passed)
        return frames


def demand_pose(time_s: float, T_world_cpf: Float[Tensor, "*shape"]) -> None:
    """Raise InputError unless it is a time and a pose: seven finite numbers, a unit quaternion in front."""
    if T_world_cpf.shape != (7,):
        raise InputError(
            f"a pose has 7 numbers, quaternion wxyz then position in metres, got {T_world_cpf.numel()}"
        )
    values = [time_s, *T_world_cpf.tolist()]
    if not bool(torch.tensor(values).isfinite().all()):
        raise InputError(
            f"the pose at {time_s:g} s is not finite: {values[1:]}; leave poses out while tracking is lost"
        )
    if (far := float(T_world_cpf[4:].norm())) > FARTHEST_M:
        raise InputError(
            f"the pose at {time_s:g} s is {far:.3g} m from the world's origin, and no head's is more than "
            f"{FARTHEST_M:g}; send metres, from an origin near the head"
        )
    norm = float(T_world_cpf[:4].norm())
    if abs(norm - 1) > UNIT_NORM:
        raise InputError(
            f"the quaternion at {time_s:g} s has norm {norm:.4g}; the first four numbers are a unit "
            "quaternion wxyz, the last three metres"
        )
