"""A body in motion, reduced to the quantities that metrics use."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.kinematics import PosedBody, central_pupil_frame, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.motion.windows import WindowBatch


@dataclass(frozen=True)
class BodyMotion(Batched):
    """One motion per window, above the floor z = 0, in metres."""

    R_parent_joint: Float[Tensor, "batch frame 22 3 3"]  # the root's is its orientation in the world
    p_world_joint: Float[Tensor, "batch frame 22 3"]
    p_world_sole: Float[Tensor, "batch frame sole 3"]
    contacts: Float[Tensor, "batch frame 21"]  # of the joints below the root; above one half is contact
    T_world_cpf: Transform  # (batch, frame); for a truth, the given head path

    @classmethod
    def of(
        cls,
        body: ShapedBody,
        posed: PosedBody,
        R_parent_joint: Float[Tensor, "batch frame joint 3 3"],
        contacts: Float[Tensor, "batch frame 21"],
    ) -> "BodyMotion":
        """From a posed body, the rotations below the root that posed it, and its contacts.

        The central pupil frame comes from kinematics. The body's axes are (batch, 1).
        """
        below_root = R_parent_joint[:, :, : BODY_JOINTS - 1]
        return cls(
            R_parent_joint=torch.cat([posed.R_world_joint[:, :, :1], below_root], dim=2),
            p_world_joint=posed.p_world_joint[:, :, :BODY_JOINTS],
            p_world_sole=sole_positions(body, posed),
            contacts=contacts,
            T_world_cpf=central_pupil_frame(body, posed),
        )

    @classmethod
    def truth(cls, batch: WindowBatch, model: BodyModel) -> "BodyMotion":
        """The true motion of a batch of windows under the head path of the recording."""
        body, posed = batch.posed(model)
        rotations = matrix_from_quaternion(batch.q_parent_joint)
        motion = cls.of(body, posed, rotations, batch.contacts.to(rotations))
        return replace(motion, T_world_cpf=Transform.from_wxyz_xyz(batch.T_world_cpf[:, 1:]))
