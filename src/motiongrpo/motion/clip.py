"""A clip: one continuous motion of one body, in the project's conventions."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.kinematics import PosedBody, pose_body
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion


@dataclass(frozen=True)
class Clip:
    """World z up, metres, seconds; quaternions `wxyz`; the root pose sits at the pelvis joint."""

    name: str  # unique within its source
    source: str  # which reader made it
    subject: str  # whose motion it is: splits never separate one subject
    activity: str  # what is done, in the words of the source; "" where it says nothing
    licence: str
    fps: float
    betas: Float[Tensor, " 16"]
    q_parent_joint: Float[Tensor, "frame 51 4"]
    T_world_root: Float[Tensor, "frame 7"]  # wxyz_xyz

    def __len__(self) -> int:
        return len(self.T_world_root)

    def frames(self, start: int, stop: int) -> "Clip":
        """The frames [start, stop) as a clip of their own."""
        return replace(
            self,
            q_parent_joint=self.q_parent_joint[start:stop],
            T_world_root=self.T_world_root[start:stop],
        )

    def posed(self, model: BodyModel) -> tuple[ShapedBody, PosedBody]:
        """The body of this clip and its 52 joints in the world, one pose a frame."""
        body = model.shaped(self.betas)
        rotations = matrix_from_quaternion(self.q_parent_joint)
        return body, pose_body(body, rotations, Transform.from_wxyz_xyz(self.T_world_root))
