"""The skin of a body file: its mesh in the zero pose, and how far each joint moves each vertex.

That is linear blend skinning (Loper et al. 2015, eq. 2) without the correctives of shape that SMPL-H files
add to it pose by pose, which formats for exchange have no room for; the open body has none.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel, LinearShape, load_body_model
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS, PARENTS


@dataclass(frozen=True)
class SkinnedBody:
    """A loaded body file with its mesh."""

    model: BodyModel
    vertices: LinearShape  # in the zero pose, in the axes of `model`
    faces: Int[np.ndarray, "face 3"]
    weights: Float[np.ndarray, "vertex 52"]  # a row sums to one

    def body_weights(self) -> Float[np.ndarray, "vertex 22"]:
        """The weights of a body whose fingers rest: what moves with a finger moves with its wrist."""
        weights = self.weights.copy()
        for joint in reversed(range(BODY_JOINTS, JOINTS)):
            weights[:, PARENTS[joint]] += weights[:, joint]
        return weights[:, :BODY_JOINTS]


def load_skinned_body(path: Path) -> SkinnedBody:
    """Read a body file in SMPL-H format with its mesh; raises InputError as `load_body_model` does."""
    model = load_body_model(path)
    with np.load(path, allow_pickle=False) as archive:
        template, shapes = archive["v_template"], archive["shapedirs"][..., :SHAPE_COEFFICIENTS]
        weights = archive["weights"].astype(np.float64)
        faces = _faces(archive, path)
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= len(template):
        raise InputError(
            f"body file '{path}': 'f' must hold triangles of its {len(template)} vertices, got shape "
            f"{faces.shape} with numbers from {faces.min()} to {faces.max()}"
        )
    vertices = LinearShape(torch.from_numpy(template).double(), torch.from_numpy(shapes).double())
    return SkinnedBody(model, vertices, faces, weights / weights.sum(1, keepdims=True))


def _faces(archive: "np.lib.npyio.NpzFile", path: Path) -> np.ndarray:
    if "f" not in archive:
        raise InputError(f"body file '{path}' has no 'f', its triangles: it has no mesh to export")
    try:
        return archive["f"].astype(np.int64)
    except (ValueError, zipfile.BadZipFile, OSError) as error:
        raise InputError(f"body file '{path}': 'f' cannot be read: {error}; get the file again") from error
