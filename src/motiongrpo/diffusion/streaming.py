"""Recovery while the head moves: poses are pushed one by one, and bodies come out a stated time later.

After every `hop_frames` new frames, the window that ends with the newest is denoised. A frame is the mean
over the windows that contain it and end at most `look_ahead_frames` after it, weighted by a triangle: the
first window has little weight because it sees nothing of what follows, the last because the motion must not
jump where it ends. Noise is that of `recovery.recover`, addressed by frame, so that both draw the same motion
and differ only by the windows they see it through: no window here reaches further ahead than stated.
"""

from collections import deque
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import pad

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.diffusion.path_sampling import sample_windows
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recovery import FrameNoise, with_frame_before
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.diffusion.window_blend import Window, trapezoid
from motiongrpo.geometry.so3 import quaternion_from_matrix
from motiongrpo.head.flaws import BreakConfig
from motiongrpo.head.stream import PoseStream, StreamedPose


class StreamingConfig(Config):
    """How far bodies lag behind the head, and how often the network is asked."""

    look_ahead_frames: int = Field(ge=1)  # a frame is out at the latest when so many after it are there
    hop_frames: int = Field(ge=1)  # from one window to the next; half of them cost twice as much

    @model_validator(mode="after")
    def refuse_frames_without_a_window(self) -> "StreamingConfig":
        if self.hop_frames > self.look_ahead_frames + 1:
            raise ValueError(
                f"hop_frames must be at most look_ahead_frames + 1, or frames would be out before a window "
                f"holds them, got {self.hop_frames} and {self.look_ahead_frames}"
            )
        return self


@dataclass(frozen=True)
class BodyFrame:
    """A body at one frame of a stream, final."""

    pose: StreamedPose  # of the head, from which the body hangs
    betas: Float[Tensor, "16"]  # the mean over the stretch so far, since a shape is known better with time
    R_parent_joint: Float[Tensor, "21 3 3"]
    contacts: Bool[Tensor, "21"]
    T_world_root: Float[Tensor, "7"]  # wxyz, then metres
    p_world_joint: Float[Tensor, "22 3"]

    @property
    def q_parent_joint(self) -> Float[Tensor, "21 4"]:
        """The local rotations as quaternions `wxyz`."""
        return quaternion_from_matrix(self.R_parent_joint)


class StreamingRecovery:
    """Bodies under a head path that is still going on, floor at z = 0, metres, z up.

    Windows end at fixed frames of a stretch, so that what comes out depends on the poses and the seed, and
    not on how they arrive. A stretch of one frame has no motion and gives no body.
    """

    def __init__(
        self,
        model: TrainedDenoiser,
        body: BodyModel,
        config: StreamingConfig,
        breaks: BreakConfig,
        seed: int,
    ) -> None:
        if config.look_ahead_frames >= model.usage.plan.length:
            raise InputError(
                f"look_ahead_frames must be less than the {model.usage.plan.length} frames of a window of "
                f"{model.name}, got {config.look_ahead_frames}"
            )
        self.model, self.body, self.config, self.seed = model, body, config, seed
        self.poses = PoseStream(model.usage.fps, breaks)
        self._bodies = self._new_stretch()

    @property
    def look_ahead_ms(self) -> float:
        """The longest that a frame waits for poses after it; denoising its last window comes on top."""
        return 1000 * self.config.look_ahead_frames / self.model.usage.fps

    @property
    def late(self) -> int:
        """Poses that were dropped, since a later one had come before them."""
        return self.poses.late

    def push(self, time_s: float, T_world_cpf: Float[Tensor, "7"]) -> list[BodyFrame]:
        """The frames that are final now; a pose that is none is refused by InputError and changes nothing."""
        out = []
        for pose in self.poses.push(time_s, T_world_cpf):
            if pose.frame == 0:
                out += self.finish()
                self._bodies = self._new_stretch()
            out += self._bodies.extend(pose)
        return out

    def finish(self) -> list[BodyFrame]:
        """The frames that are still waiting for later poses, which will not come."""
        return self._bodies.finish()

    def _new_stretch(self) -> "StretchRecovery":
        return StretchRecovery(self.model, self.body, self.config, self.seed)


class StretchRecovery:
    """One stretch: its last poses, and the weighted sum of estimates for every frame that is not final."""

    def __init__(self, model: TrainedDenoiser, body: BodyModel, config: StreamingConfig, seed: int) -> None:
        self.model, self.body, self.hop, self.seed = model, body, config.hop_frames, seed
        self._fade = trapezoid(config.look_ahead_frames + 1, config.look_ahead_frames + 1)
        self._poses = deque[StreamedPose](maxlen=model.usage.plan.length + 1)
        self._out = 0  # frames that are final
        self._weight = self._fade[:0]
        self._sum = next(model.denoiser.parameters()).new_zeros(0, model.denoiser.features)
        self._betas = self._sum.new_zeros(1, SHAPE_COEFFICIENTS)  # summed over the frames that are out

    @property
    def frames(self) -> int:
        """Of the stretch so far."""
        return self._poses[-1].frame + 1 if self._poses else 0

    def extend(self, pose: StreamedPose) -> list[BodyFrame]:
        """The frames that are final with one more pose."""
        self._poses.append(pose)
        if self.frames % self.hop or self.frames < 2:
            return []
        self._estimate(self._fade)
        return self._release(self.frames + self.hop - len(self._fade))

    def finish(self) -> list[BodyFrame]:
        """All that wait; the last window counts for those that would have come after it."""
        if self.frames < 2 or self._out == self.frames:
            return []
        ahead = self.hop - self.frames % self.hop  # frames to where the next window would have ended
        self._estimate(torch.stack([self._fade[i + ahead :: self.hop].sum() for i in range(len(self._fade))]))
        return self._release(self.frames)

    @torch.no_grad()
    def _estimate(self, weights: Float64[Tensor, " frame"]) -> None:
        """Denoise the window that ends now; a frame's weight is by how many frames come after it."""
        x = self._window()
        waiting = self.frames - self._out
        weight, new = weights[:waiting].flip(0), waiting - len(self._sum)
        self._sum = pad(self._sum, (0, 0, 0, new)) + weight[:, None].to(x) * x[-waiting:]
        self._weight = pad(self._weight, (0, new)) + weight

    def _window(self) -> Float[Tensor, "frame feature"]:
        """The motion of the last frames, one window of the network, from their noise."""
        path = torch.stack([pose.T_world_cpf for pose in self._poses]).to(self._sum)
        if self._poses[0].frame == 0:
            path = with_frame_before(path)[-self.model.usage.plan.length - 1 :]
        length, features = len(path) - 1, self.model.denoiser.features
        whole = Window(0, length, torch.ones(length, dtype=torch.float64))
        noise = FrameNoise.over(self.frames - length, self.frames, (1, features), self.seed, "recovery")
        sampling = self.model.usage.sampling
        return sample_windows(self.model.denoiser, path[None], 1, sampling, [whole], noise)[0, 0]

    def _release(self, stop: int) -> list[BodyFrame]:
        """The bodies of the waiting frames before `stop`, which are then out."""
        count = max(0, stop - self._out)
        if count == 0:
            return []
        x = self._sum[:count] / self._weight[:count, None].to(self._sum)
        poses = [pose for pose in self._poses if self._out <= pose.frame < stop]
        motion = self._placed(x, torch.stack([pose.T_world_cpf for pose in poses]).to(x))
        posed = motion.posed(self.body)[1]
        root = posed.joint(Joint.PELVIS).wxyz_xyz()
        self._out, self._sum, self._weight = stop, self._sum[count:], self._weight[count:]
        return [
            BodyFrame(
                pose=pose,
                betas=motion.betas[i],
                R_parent_joint=motion.R_parent_joint[i, 0],
                contacts=motion.contacts[i, 0] > 0.5,
                T_world_root=root[i, 0],
                p_world_joint=posed.p_world_joint[i, 0, :BODY_JOINTS],
            )
            for i, pose in enumerate(poses)
        ]

    def _placed(self, x: Float[Tensor, "frame feature"], head: Float[Tensor, "frame 7"]) -> PlacedMotion:
        """The frames as motions of one frame each, since each has the shape that was known by then."""
        state = replace(MotionState.unpack(x), hand_rotmats=None)
        sums = self._betas + state.betas.cumsum(0)
        self._betas = sums[-1:]
        known = torch.arange(self._out + 1, self._out + len(x) + 1).to(x)
        contacts = (state.contacts > 0.5).to(x)
        mask = torch.ones(len(x), 1, dtype=torch.bool)
        return PlacedMotion(
            sums / known[:, None], state.rotations()[:, None], contacts[:, None], head[:, None], mask
        )
