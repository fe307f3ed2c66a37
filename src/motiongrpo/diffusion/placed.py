"""A body motion hung from a head path, true, corrupted or sampled: what rewards and metrics judge."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.row_parallel import in_shares
from motiongrpo.base.shapes import FrameMask, Motion
from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.kinematics import PosedBody, pose_body, root_from_head
from motiongrpo.diffusion.representation import BODY_ROTATIONS, MotionState
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.motion.windows import WindowBatch


@dataclass(frozen=True)
class PlacedMotion(Batched):
    """Body rotations and contacts, and where the head is put when the body is placed."""

    betas: Float[Tensor, "batch 16"]
    R_parent_joint: Float[Tensor, "batch frame 21 3 3"]
    contacts: Float[Tensor, "batch frame 21"]
    T_world_cpf: Float[Tensor, "batch frame 7"]  # of the placed body: the true head unless corrupted
    mask: Bool[Tensor, "batch frame"]

    @classmethod
    def truth(cls, batch: WindowBatch) -> "PlacedMotion":
        """The real motion of a batch of windows, hung from its own head."""
        return cls(
            betas=batch.betas,
            R_parent_joint=matrix_from_quaternion(batch.q_parent_joint[:, :, :BODY_ROTATIONS]),
            contacts=batch.contacts.to(batch.betas),
            T_world_cpf=batch.T_world_cpf[:, 1:],
            mask=batch.mask,
        )

    @classmethod
    def sampled(
        cls, x: Float[Tensor, "batch frame feature"], T_world_cpf: Tensor, mask: Bool[Tensor, "batch frame"]
    ) -> "PlacedMotion":
        """A packed sample hung from a head path (batch, frame, 7); its shape is the mean over real frames.

        Contacts are rounded to labels, since continuous values would reveal every sample.
        """
        state = MotionState.unpack(x)
        body_only = MotionState(state.betas, state.body_rotmats, state.contacts, None)
        weight = mask[..., None].to(x) / mask.sum(-1)[:, None, None]
        contacts = (state.contacts > 0.5).to(x)
        return cls((state.betas * weight).sum(1), body_only.rotations(), contacts, T_world_cpf, mask)

    def posed(self, model: BodyModel) -> tuple[ShapedBody, PosedBody]:
        """The shaped body, with axes (batch, 1), and its 22 body joints in the world."""
        body = model.shaped(self.betas[:, None])
        T_world_cpf = Transform.from_wxyz_xyz(self.T_world_cpf)
        root = root_from_head(body, self.R_parent_joint, T_world_cpf)
        return body, pose_body(body, self.R_parent_joint, root)


def placed_in_shares(x: Motion, T_world_cpf: Float[Tensor, "batch frame 7"], mask: FrameMask) -> PlacedMotion:
    """`PlacedMotion.sampled` without a gradient, its nearest rotations worked out by rows."""

    def placed(*rows: Tensor) -> dict[str, Tensor]:
        guess = PlacedMotion.sampled(*rows)
        return {"betas": guess.betas, "R_parent_joint": guess.R_parent_joint, "contacts": guess.contacts}

    return PlacedMotion(T_world_cpf=T_world_cpf, mask=mask, **in_shares(placed, x, T_world_cpf, mask))
