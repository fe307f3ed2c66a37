"""Procrustes alignment: the similarity that brings one set of points nearest to another (Umeyama 1991)."""

from typing import cast

import roma
from jaxtyping import Float
from torch import Tensor


def align_to(
    points: Float[Tensor, "*batch point 3"], target: Float[Tensor, "*batch point 3"]
) -> Float[Tensor, "*batch point 3"]:
    """`points` rotated, scaled and shifted to be least-squares nearest to `target`; never reflected."""
    fit = roma.rigid_points_registration(points, target, compute_scaling=True)
    R, t, scale = cast(tuple[Tensor, Tensor, Tensor], fit)
    return scale[..., None, None] * (points @ R.mT) + t[..., None, :]
