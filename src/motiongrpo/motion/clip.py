"""A clip: one continuous motion of one body, in the project's conventions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.kinematics import PosedBody, pose_body
from motiongrpo.body.skeleton import BODY_JOINTS, HAND_JOINTS, JOINTS
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion


@dataclass(frozen=True)
class Clip:
    """One continuous motion. World z up, metres, seconds, quaternions `wxyz`; the root is the pelvis."""

    name: str  # unique within its source
    source: str  # which reader made it
    subject: str  # who moves: one subject is never in two splits
    activity: str  # what the subject does, in the words of the source; "" if unknown
    licence: str
    fps: float
    betas: Float[Tensor, " 16"]
    q_parent_joint: Float[Tensor, "frame joint 4"]  # 21 joints, with hands left open, or 51
    T_world_root: Float[Tensor, "frame 7"]  # wxyz_xyz

    def __len__(self) -> int:
        return len(self.T_world_root)

    @property
    def q_hand(self) -> Float[Tensor, "frame 30 4"]:
        """The part of q_parent_joint of both hands, which are open where it has no such part."""
        q = self.q_parent_joint[:, BODY_JOINTS - 1 :]
        return q if q.shape[1] else torch.tensor([1.0, 0.0, 0.0, 0.0]).to(q).expand(len(q), HAND_JOINTS, 4)

    def frames(self, start: int, stop: int) -> "Clip":
        """The frames [start, stop) as a separate clip."""
        return replace(
            self,
            q_parent_joint=self.q_parent_joint[start:stop],
            T_world_root=self.T_world_root[start:stop],
        )

    def lowered(self, height_m: float) -> "Clip":
        """The same motion, shifted down by `height_m`."""
        shift = torch.tensor([0, 0, 0, 0, 0, 0, height_m]).to(self.T_world_root)
        return replace(self, T_world_root=self.T_world_root - shift)

    def posed(self, model: BodyModel, joints: int = JOINTS) -> tuple[ShapedBody, PosedBody]:
        """The body of this clip, and its joints in the world, one pose per frame; 22 joints without hands."""
        body = model.shaped(self.betas)
        rotations = matrix_from_quaternion(self.q_parent_joint[:, : joints - 1])
        return body, pose_body(body, rotations, Transform.from_wxyz_xyz(self.T_world_root))


@dataclass(frozen=True)
class Take:
    """The motion of one file: its clips, each without gaps, and the reason for what was left out."""

    clips: Iterable[Clip]  # those of a long file are read one at a time
    seconds: float  # of all motion in the file
    reason: str  # what was left out or cut; "" for nothing
    warning: str = ""  # why its frame rate looks wrong
    remedy: str = "name the true rate in the parameters of the source"
    is_rest_take: bool = False  # other takes have their T-pose from it, so it need not contain motion

    @classmethod
    def whole(cls, clip: Clip) -> "Take":
        """A file that is one clip."""
        return cls([clip], len(clip) / clip.fps, "")
