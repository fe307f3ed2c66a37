"""Symmetric linear systems that couple each frame of a motion with the few that follow it.

Of such a matrix only the blocks on and above the diagonal are kept: `bands[o, :, t]` couples frame t with
frame t + o, and is zero where there is no frame t + o.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Bands = Float[Tensor, "offset batch frame unknown unknown"]


def difference_bands(
    weight: Float[Tensor, "batch start *rest"], order: int
) -> Float[Tensor, "offset batch frame *rest"]:
    """Dᵀ diag(weight) D of the differences of that order in time, of which one starts at every weight."""
    signed = [(-1) ** i * math.comb(order, i) for i in range(order + 1)]
    batch, starts, *rest = weight.shape
    bands = weight.new_zeros(order + 1, batch, starts + order, *rest)
    for i in range(order + 1):
        for j in range(i, order + 1):
            bands[j - i, :, i : i + starts] += signed[i] * signed[j] * weight
    return bands


def solve_banded(bands: Bands, rhs: Float[Tensor, "batch frame unknown"]) -> Tensor:
    """x of A x = rhs by Cholesky's method, frame by frame; A must be positive definite.

    The work grows with the number of frames, and with the cube of the unknowns of each.
    """
    bands, rhs = bands.clone(), rhs.clone()
    frames, unknowns, factors = rhs.shape[1], rhs.shape[2], []
    for t in range(frames):
        L = torch.linalg.cholesky(bands[0, :, t])
        coupled = torch.cat([*bands[1:, :, t], rhs[:, t, :, None]], dim=-1)
        *above, y = torch.linalg.solve_triangular(L, coupled, upper=False).split(unknowns, dim=-1)
        factors.append((L, above, y))
        for i, X in enumerate(above[: frames - 1 - t]):
            for j in range(i, len(above)):
                bands[j - i, :, t + 1 + i] -= X.mT @ above[j]
            rhs[:, t + 1 + i] -= (X.mT @ y)[..., 0]
    x: list[Tensor] = []  # from the last frame back
    for L, above, y in reversed(factors):
        known = sum((X @ later for X, later in zip(above, reversed(x), strict=False)), torch.zeros_like(y))
        x.append(torch.linalg.solve_triangular(L.mT, y - known, upper=True))
    return torch.cat(x[::-1], dim=-1).mT
