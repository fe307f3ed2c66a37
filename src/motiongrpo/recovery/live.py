"""Live recovery: a headset's companion app sends poses to a socket, and bodies come back, line by line.

A client sends `{"t": seconds, "p": [x, y, z], "q": [w, x, y, z]}`, a line a pose. It is sent one greeting
with `fps`, `look_ahead_ms` and the names of the `joints`; then a line for each body; `{"error": sentence}`
for each line that cannot be used, which changes nothing; `{"warning": sentence}`; and `{"late": count}` after
a pose that came behind a later one. When the client stops sending, it gets the bodies that are still waiting,
and the connection ends.
"""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from scipy.spatial.transform import Rotation
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.diffusion.streaming import BodyFrame, StreamingConfig, StreamingRecovery
from motiongrpo.diffusion.trained import Usage
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.head.formats.config import HeadFormatConfig
from motiongrpo.head.formats.reader import conventions_of
from motiongrpo.head.stream import demand_pose
from motiongrpo.recovery.wire import Client, Server, body_record, parsed

WAIT_S = 0.1  # between two looks at whether the caller wants to end
FIRST_POSES = 60  # of a client, which are looked at for wrong conventions
LEAST_UP = 0.5
BEHIND_S = 2.0  # from which on a client is told that bodies come late

ToPupils = Callable[[Float[Tensor, "7"]], Float[Tensor, "7"]]
"""From a pose in the sender's axes to that of the central pupil frame, floor at z = 0 (wxyz, then metres)."""


class LiveConfig(Config):
    """Where poses are listened for, and how bodies are drawn under them."""

    port: int = Field(ge=0, le=65535)  # of the loopback alone; 0 takes any that is free
    seed: int
    streaming: StreamingConfig


def to_pupils(config: HeadFormatConfig) -> ToPupils:
    """From a pose of the format that is named, its quaternion sent as `wxyz`; `auto` is sent as ours."""
    if config.format == "auto":
        return as_sent
    conventions = conventions_of(config.format, config, "live poses")

    def converted(pose: Float[Tensor, "7"]) -> Float[Tensor, "7"]:
        R = Rotation.from_quat(pose[:4].double().numpy(), scalar_first=True).as_matrix()
        R, p = conventions.world_cpf(R[None], pose[None, 4:].double().numpy())
        q = Rotation.from_matrix(R[0]).as_quat(canonical=True, scalar_first=True)
        return torch.from_numpy(np.concatenate([q, p[0]])).to(pose)

    return converted


def as_sent(pose: Float[Tensor, "7"]) -> Float[Tensor, "7"]:
    """For a sender that already gives the central pupil frame in a world with z up and the floor at 0."""
    return pose


class LiveSession:
    """The stream of one client."""

    def __init__(self, client: Client, recovery: StreamingRecovery, to_pupils: ToPupils) -> None:
        self.client, self.recovery, self.to_pupils = client, recovery, to_pupils
        joints = [Joint(i).name.lower() for i in range(BODY_JOINTS)]
        self._first: list[Tensor] = []
        self._clock_s = math.inf  # ours when that of the poses was at 0, by the pose that waited least
        self._told: set[str] = set()
        usage, look_ahead_ms = recovery.model.usage, round(recovery.look_ahead_ms, 1)
        client.reply({"fps": usage.fps, "look_ahead_ms": look_ahead_ms, "joints": joints})

    def take(self, line: bytes) -> list[BodyFrame]:
        """The bodies that one more line makes final; all that is to be said of it is sent to the client."""
        late = self.recovery.late
        try:
            time_s, pose = parsed(line)
            demand_pose(time_s, pose)
            T_world_cpf = self.to_pupils(pose)
            bodies = self.recovery.push(time_s, T_world_cpf)
        except InputError as error:
            self.client.reply({"error": str(error)})
            return []
        if self.recovery.late > late:
            self.client.reply({"late": self.recovery.late})
        self._look_at(T_world_cpf)
        self._look_at_clock(time_s)
        return self._sent(bodies)

    def finish(self) -> list[BodyFrame]:
        """The bodies that were still waiting."""
        return self._sent(self.recovery.finish())

    def _look_at(self, T_world_cpf: Tensor) -> None:
        if len(self._first) < FIRST_POSES:
            self._first.append(T_world_cpf)
            if len(self._first) == FIRST_POSES:
                for sentence in doubts(torch.stack(self._first), self.recovery.model.usage):
                    self.client.reply({"warning": sentence})

    def _look_at_clock(self, time_s: float) -> None:
        """Tell the client once that its clock went back, and once that bodies have fallen behind it."""
        poses, now = self.recovery.poses, time.monotonic() - time_s
        self._clock_s = min(self._clock_s, now)
        if poses.late and poses.late_by_s > poses.breaks.longest_gap_s:
            self._warn_once(
                "the clock of the poses went back, and they are dropped until it is where it was; connect "
                "anew to begin another recording"
            )
        elif now - self._clock_s > BEHIND_S:
            self._warn_once(
                f"poses are read more than {BEHIND_S:g} s after their time: they come faster than this "
                "machine makes bodies (a larger recovery.live.streaming.hop_frames asks less of it), or "
                "their clock stood still"
            )

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.client.reply({"warning": sentence})

    def _sent(self, bodies: list[BodyFrame]) -> list[BodyFrame]:
        for body in bodies:
            self.client.reply(body_record(body))
        return bodies


def doubts(T_world_cpf: Float[Tensor, "frame 7"], usage: Usage) -> list[str]:
    """What speaks against a head's poses: an up that is not up, heights that the model has not seen."""
    sentences = []
    up = float(matrix_from_quaternion(T_world_cpf[:, :4])[:, 2, 1].mean())
    if up < LEAST_UP:
        sentences.append(
            f"the eyes' up goes along the world's by {up:+.2f} on average, and that of a worn head by more "
            f"than {LEAST_UP:+}; send quaternions as wxyz, with y up at the eyes and z up in the world"
        )
    height = float(T_world_cpf[:, 6].median())
    low, high = usage.head_height_m or (-torch.inf, torch.inf)
    if not low <= height <= high:
        sentences.append(
            f"the eyes are {height:.3g} m over z = 0, and the model was trained on {low:g} to {high:g} m; "
            "send metres over the floor"
        )
    return sentences


def live_bodies(
    server: Server, begin: Callable[[], StreamingRecovery], to_pupils: ToPupils
) -> Iterator[list[BodyFrame]]:
    """The bodies of one client after the other, as they become final; empty lists let the caller end it.

    `begin` makes the recovery of a client that has come.
    """
    session: LiveSession | None = None
    while True:
        if server.wait(WAIT_S) and server.client is not None:
            session = LiveSession(server.client, begin(), to_pupils)
        lines = server.client.lines() if server.client is not None else iter(())
        if lines is None and session is not None:
            yield session.finish()
            server.end_client()
        else:
            for line in lines or ():
                yield session.take(line) if session is not None else []
        yield []
