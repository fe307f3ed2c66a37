"""Rotations in three dimensions: quaternions `wxyz`, matrices, rotation vectors in radians.

The algebra is that of `roma`, whose quaternions are `xyzw`; this module converts the convention.
"""

from typing import cast

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import Points, Quaternions, Rotations


def matrix_from_quaternion(q: Quaternions) -> Rotations:
    """Rotation matrix of a unit quaternion `wxyz`."""
    return roma.unitquat_to_rotmat(roma.quat_wxyz_to_xyzw(q))


def quaternion_from_matrix(R: Rotations) -> Quaternions:
    """Unit quaternion `wxyz` of a rotation matrix, with w ≥ 0."""
    return _wxyz(roma.rotmat_to_unitquat(R))


def matrix_from_rotation_vector(v: Points) -> Rotations:
    """exp: the rotation by |v| radians about v."""
    return roma.rotvec_to_rotmat(v)


def rotation_vector_from_matrix(R: Rotations) -> Points:
    """log: axis times angle, the angle in [0, π]."""
    return roma.rotmat_to_rotvec(R)


def quaternion_from_rotation_vector(v: Points) -> Quaternions:
    """Unit quaternion `wxyz` of the rotation by |v| radians about v, with w ≥ 0."""
    return _wxyz(roma.rotvec_to_unitquat(v))


def _wxyz(q_xyzw: Quaternions) -> Quaternions:
    q = roma.quat_xyzw_to_wxyz(q_xyzw)
    return torch.where(q[..., :1] < 0, -q, q)


def geodesic_angle(R_a: Rotations, R_b: Rotations) -> Float[Tensor, "*batch"]:
    """Angle in [0, π], in radians, of the rotation that takes one orientation to the other.

    Angles are capped at π − 2√(2ε), 0.06 degrees below π in float32, since the derivative at π is infinite.
    """
    return roma.rotmat_geodesic_distance(R_a, R_b, clamping=1 - torch.finfo(R_a.dtype).eps)


def nearest_rotation(M: Rotations) -> Rotations:
    """The rotation closest to M in the Frobenius norm; the determinant is +1 whatever M is.

    Plain U·Vᵀ of a singular value decomposition returns a reflection for half of all matrices.
    """
    return cast(Tensor, roma.special_procrustes(M))


def slerp(q_a: Quaternions, q_b: Quaternions, weight: Float[Tensor, "*batch"]) -> Quaternions:
    """The quaternion at `weight` ∈ [0, 1] along the shorter arc from q_a to q_b."""
    cos = (q_a * q_b).sum(-1, keepdim=True)
    q_b = torch.where(cos < 0, -q_b, q_b)
    angle = torch.acos(cos.abs().clamp(max=1.0))
    small = angle < 1e-6
    sin = torch.where(small, torch.ones_like(angle), torch.sin(angle))
    w = weight[..., None]
    a = torch.where(small, 1 - w, torch.sin((1 - w) * angle) / sin)
    b = torch.where(small, w, torch.sin(w * angle) / sin)
    return torch.nn.functional.normalize(a * q_a + b * q_b, dim=-1)


def rotation_6d(R: Rotations) -> Float[Tensor, "*batch 6"]:
    """The first two columns of R, the continuous representation of Zhou et al. 2019 (arXiv:1812.07035)."""
    return torch.cat([R[..., 0], R[..., 1]], dim=-1)
