"""Rotations from the channels of a file, one column per angle."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.geometry.quaternions import from_euler

Channels = Sequence[tuple[str, int]]
"""Axis and column of each angle of a joint, in the order of intrinsic rotations."""


def joint_rotations(
    values: Float[np.ndarray, "frame channel"], joints: Sequence[Channels], degrees: bool
) -> Float[Tensor, "frame joint 4"]:
    """The local rotation of every joint; those with the same axes are computed in one call."""
    q = torch.zeros(4, len(joints), len(values), dtype=torch.float64)
    q[0] = 1.0
    orders = ["".join(axis for axis, _ in channels) for channels in joints]
    for order in set(orders) - {""}:
        alike = [joint for joint, other in enumerate(orders) if other == order]
        columns = [[joints[joint][place][1] for joint in alike] for place in range(len(order))]
        angles = torch.zeros(3, len(alike), len(values), dtype=torch.float64)
        angles[: len(order)] = torch.from_numpy(values.T[columns])
        angles = angles.deg2rad_() if degrees else angles
        about_three = order + "".join(axis for axis in "xyz" if axis not in order)
        q[:, alike] = _reversed(from_euler(about_three, _reversed(angles)))
    return _reversed(q)


def _reversed(planes: Tensor) -> Tensor:
    return planes.permute(2, 1, 0)
