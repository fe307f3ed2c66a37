"""The algebra of quaternions `wxyz`, component by component.

Results are stored with their axes reversed, so that leading axes, such as frames, are contiguous: a product
of such quaternions takes a fifth of the time of one of matrices. Other memory layouts are correct and slower.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import Points, Quaternions


def product(a: Float[Tensor, "*#batch 4"], b: Float[Tensor, "*#batch 4"]) -> Quaternions:
    """Hamilton's product a b: the rotation b, followed by a."""
    (a_w, a_x, a_y, a_z), (b_w, b_x, b_y, b_z) = a.unbind(-1), b.unbind(-1)
    return _joined(
        _summed(a_w * b_w, (-1, a_x, b_x), (-1, a_y, b_y), (-1, a_z, b_z)),
        _summed(a_w * b_x, (+1, a_x, b_w), (+1, a_y, b_z), (-1, a_z, b_y)),
        _summed(a_w * b_y, (-1, a_x, b_z), (+1, a_y, b_w), (+1, a_z, b_x)),
        _summed(a_w * b_z, (+1, a_x, b_y), (-1, a_y, b_x), (+1, a_z, b_w)),
    )


def inverse(q: Quaternions) -> Quaternions:
    """The inverse rotation, of unit quaternions."""
    return q * torch.tensor([1.0, -1.0, -1.0, -1.0]).to(q)


def with_positive_w(q: Quaternions) -> Quaternions:
    """The same rotation as the one of its two quaternions with w ≥ 0."""
    return torch.where(q[..., :1] < 0, -q, q)


def rotated(q: Float[Tensor, "*#batch 4"], p: Float[Tensor, "*#batch 3"]) -> Points:
    """The rotated points: p + w t + u × t, with u the vector part of q and t = 2 u × p."""
    w, *u = q.unbind(-1)
    points = p.unbind(-1)
    t = [2 * component for component in _cross(u, points)]
    parts = zip(points, t, _cross(u, t), strict=True)
    return _joined(*(point + w * along + across for point, along, across in parts))


def from_euler(order: str, angles: Points) -> Quaternions:
    """R_i(α) R_j(β) R_k(γ), in radians, about three different axes in the given order, such as `zyx`."""
    half = angles / 2
    (c_i, c_j, c_k), (s_i, s_j, s_k) = half.cos().unbind(-1), half.sin().unbind(-1)
    sign = 1 if order in "xyzxy" else -1
    cc, cs, sc, ss = c_i * c_j, c_i * s_j, s_i * c_j, sign * (s_i * s_j)
    about = {
        order[0]: sc * c_k + sign * (cs * s_k),
        order[1]: cs * c_k - sign * (sc * s_k),
        order[2]: cc * s_k + ss * c_k,
    }
    return _joined(cc * c_k - ss * s_k, about["x"], about["y"], about["z"])


def _summed(total: Tensor, *terms: tuple[int, Tensor, Tensor]) -> Tensor:
    """Signed products added to `total` in place: at half the traffic of memory, 1.5 times as fast."""
    for sign, a, b in terms:
        total.addcmul_(a, b, value=sign)
    return total


def _cross(a: Sequence[Tensor], b: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _joined(*components: Tensor) -> Tensor:
    """Components stacked as the last axis, which is the first in memory."""
    return _reversed(torch.stack([_reversed(component) for component in components]))


def _reversed(x: Tensor) -> Tensor:
    """A view of the same memory with the axes in reverse order."""
    return x.permute(tuple(reversed(range(x.ndim))))
