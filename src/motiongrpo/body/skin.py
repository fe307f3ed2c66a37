"""The skin of a body file: its mesh in the zero pose and its skinning weights.

This is linear blend skinning (Loper et al. 2015, eq. 2) without the pose-dependent blend shapes of SMPL-H
files, since exchange formats cannot hold them; the open body has none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import (
    SHAPE_COEFFICIENTS,
    BodyModel,
    LinearShape,
    body_arrays,
    load_body_model,
)
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS, PARENTS


@dataclass(frozen=True)
class SkinnedBody:
    """A loaded body file with its mesh."""

    model: BodyModel
    vertices: LinearShape  # in the zero pose, in the axes of `model`
    faces: Int[np.ndarray, "face 3"]
    weights: Float[np.ndarray, "vertex 52"]  # a row sums to one

    def body_weights(self) -> Float[np.ndarray, "vertex 22"]:
        """The weights of a body with resting fingers: those of the fingers are added to the wrist's."""
        weights = self.weights.copy()
        for joint in reversed(range(BODY_JOINTS, JOINTS)):
            weights[:, PARENTS[joint]] += weights[:, joint]
        return weights[:, :BODY_JOINTS]


def load_skinned_body(path: Path) -> SkinnedBody:
    """Read a body file in SMPL-H format with its mesh; raises InputError as `load_body_model` does."""
    model = load_body_model(path)
    arrays = body_arrays(path.read_bytes(), path, also=("f",))
    if "f" not in arrays:
        raise InputError(f"body file '{path}' has no 'f', its triangles: it has no mesh to export")
    template, shapes, weights = (arrays[key] for key in ("v_template", "shapedirs", "weights"))
    shapes, faces = shapes[..., :SHAPE_COEFFICIENTS], _faces(arrays["f"], len(template), path)
    vertices = LinearShape(torch.from_numpy(template), torch.from_numpy(shapes))
    return SkinnedBody(model, vertices, faces, weights / weights.sum(1, keepdims=True))


def _faces(corners: Float[np.ndarray, "..."], vertices: int, path: Path) -> Int[np.ndarray, "face 3"]:
    wrong = f"body file '{path}': 'f' must hold triangles of its {vertices} vertices, got"
    if corners.ndim != 2 or corners.shape[1] != 3 or not len(corners):
        raise InputError(f"{wrong} shape {corners.shape}")
    if not (corners == corners.round()).all() or corners.min() < 0 or corners.max() >= vertices:
        raise InputError(f"{wrong} numbers from {corners.min():g} to {corners.max():g}")
    return corners.astype(np.int64)
