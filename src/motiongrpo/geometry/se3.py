"""Rigid transforms: `T_world_root` maps root coordinates to world, so products cancel by name."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.geometry.so3 import matrix_from_quaternion, quaternion_from_matrix


@dataclass(frozen=True)
class Transform(Batched):
    """x ↦ R x + p, over any batch axes."""

    R: Float[Tensor, "*#batch 3 3"]
    p: Float[Tensor, "*#batch 3"]

    @classmethod
    def from_wxyz_xyz(cls, pose: Float[Tensor, "*batch 7"]) -> "Transform":
        """From a pose in the layout of files: unit quaternion `wxyz`, then position in metres."""
        return cls(matrix_from_quaternion(pose[..., :4]), pose[..., 4:])

    def wxyz_xyz(self) -> Float[Tensor, "*batch 7"]:
        """The pose in the layout of files, with w ≥ 0."""
        p = self.p.expand(*self.R.shape[:-2], 3)
        return torch.cat([quaternion_from_matrix(self.R), p], dim=-1)

    def __matmul__(self, other: "Transform") -> "Transform":
        return Transform(self.R @ other.R, self.apply(other.p))

    def apply(self, points: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*#batch 3"]:
        """The points, one for each transform, in coordinates of the outer frame."""
        return (self.R @ points[..., None])[..., 0] + self.p

    def inverse(self) -> "Transform":
        """y ↦ Rᵀ (y − p)."""
        R_inverse = self.R.mT
        return Transform(R_inverse, -(R_inverse @ self.p[..., None])[..., 0])
