"""The diffused features: per frame the shape, the local rotations as matrices, the contacts.

Nothing is normalised. The order of the packed features is EgoAllo's, so that its weights fit.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import SHAPE_COEFFICIENTS
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS
from motiongrpo.geometry.so3 import matrix_from_quaternion, nearest_rotation
from motiongrpo.motion.windows import WindowBatch

BODY_ROTATIONS = BODY_JOINTS - 1
HAND_ROTATIONS = JOINTS - BODY_JOINTS


def feature_sizes(hands: bool) -> dict[str, int]:
    """Features of each modality, in packed order: 226 in all, 496 with hands."""
    sizes = {"betas": SHAPE_COEFFICIENTS, "body_rotmats": 9 * BODY_ROTATIONS, "contacts": BODY_ROTATIONS}
    return sizes | ({"hand_rotmats": 9 * HAND_ROTATIONS} if hands else {})


def feature_count(hands: bool) -> int:
    """The width of a packed frame."""
    return sum(feature_sizes(hands).values())


@dataclass(frozen=True)
class MotionState:
    """One motion per batch element. Predicted matrices are rotations only after `rotations()`."""

    betas: Float[Tensor, "*batch frame 16"]
    body_rotmats: Float[Tensor, "*batch frame 21 3 3"]
    contacts: Float[Tensor, "*batch frame 21"]
    hand_rotmats: Float[Tensor, "*batch frame 30 3 3"] | None

    def pack(self) -> Float[Tensor, "*batch frame feature"]:
        parts = [self.betas, self.body_rotmats.flatten(-3), self.contacts]
        if self.hand_rotmats is not None:
            parts.append(self.hand_rotmats.flatten(-3))
        return torch.cat(parts, dim=-1)

    @classmethod
    def unpack(cls, x: Float[Tensor, "*batch frame feature"]) -> "MotionState":
        hands = x.shape[-1] == feature_count(hands=True)
        betas, body, contacts, *rest = x.split(list(feature_sizes(hands).values()), dim=-1)
        hand = rest[0].unflatten(-1, (HAND_ROTATIONS, 3, 3)) if rest else None
        return cls(betas, body.unflatten(-1, (BODY_ROTATIONS, 3, 3)), contacts, hand)

    def rotations(self) -> Float[Tensor, "*batch frame joint 3 3"]:
        """Local rotations of 21 or 51 joints, each the rotation nearest to its matrix."""
        parts = [self.body_rotmats] + ([] if self.hand_rotmats is None else [self.hand_rotmats])
        return nearest_rotation(torch.cat(parts, dim=-3))

    def projected(self) -> "MotionState":
        """The same motion with rotations for matrices, hands too; the determinants are +1."""
        rotations = self.rotations()
        body, hands = rotations[..., :BODY_ROTATIONS, :, :], rotations[..., BODY_ROTATIONS:, :, :]
        return replace(self, body_rotmats=body, hand_rotmats=None if self.hand_rotmats is None else hands)


def project_as_egoallo(x: Float[Tensor, "*batch frame feature"]) -> Float[Tensor, "*batch frame feature"]:
    """EgoAllo's projection, for comparison: U·Vᵀ of the body's matrices, the hands' as they are.

    The determinant is −1 wherever the matrix's is negative: those joints become reflections.
    """
    state = MotionState.unpack(x)
    U, _, V_transposed = torch.linalg.svd(state.body_rotmats)
    return replace(state, body_rotmats=U @ V_transposed).pack()


def true_motion(batch: WindowBatch) -> MotionState:
    """The ground truth of a batch of windows, in the representation that is diffused."""
    rotations = matrix_from_quaternion(batch.q_parent_joint)
    frames = batch.mask.shape[1]
    hands = rotations[:, :, BODY_ROTATIONS:] if rotations.shape[2] > BODY_ROTATIONS else None
    return MotionState(
        betas=batch.betas[:, None].expand(-1, frames, -1),
        body_rotmats=rotations[:, :, :BODY_ROTATIONS],
        contacts=batch.contacts.to(rotations),
        hand_rotmats=hands,
    )
