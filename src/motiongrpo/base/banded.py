"""Symmetric linear systems that couple each frame of a motion with the few that follow it.

Of such a matrix only the blocks on and above the diagonal are kept: `bands[o, :, t]` couples frame t with
frame t + o, and is zero where there is no frame t + o.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import solveh_banded
from torch import Tensor

Bands = Float[Tensor, "offset batch frame unknown unknown"]


def difference_bands(
    weight: Float[Tensor, "batch start *rest"], order: int
) -> Float[Tensor, "offset batch frame *rest"]:
    """Dᵀ diag(weight) D, with D the differences of that order in time, each with its own weight."""
    signed = [(-1) ** i * math.comb(order, i) for i in range(order + 1)]
    batch, starts, *rest = weight.shape
    bands = weight.new_zeros(order + 1, batch, starts + order, *rest)
    for i in range(order + 1):
        for j in range(i, order + 1):
            bands[j - i, :, i : i + starts] += signed[i] * signed[j] * weight
    return bands


def solve_banded(bands: Bands, rhs: Float[Tensor, "batch frame unknown"]) -> Tensor:
    """x of A x = rhs by Cholesky's method, in LAPACK on the CPU; A must be positive definite.

    The work grows with the number of frames, and with the cube of the unknowns of each.
    """
    diagonals, right = _diagonals(bands).cpu().numpy(), rhs.flatten(1).cpu().numpy()
    x = [solveh_banded(a, b, lower=True) for a, b in zip(diagonals, right, strict=True)]
    return torch.from_numpy(np.stack(x)).to(rhs).view_as(rhs)


def _diagonals(bands: Bands) -> Float[Tensor, "batch diagonal row"]:
    """The main diagonal and those beside it; `[:, d, i]` is A[i, i + d].

    Row i of A, from its frame's first column on, is laid out with one element more than its length, so
    that a row begins on its diagonal.
    """
    offsets, batch, frames, n, _ = bands.shape
    width = offsets * n
    rows = bands.new_zeros(batch, frames * n, width + n)
    rows[..., :width] = torch.cat([*bands], dim=-1).flatten(1, 2)
    by_frame = rows.as_strided((batch, frames, n, width), (rows.stride(0), n * (width + n), width + n + 1, 1))
    return by_frame.reshape(batch, frames * n, width).mT
