"""Skinned meshes through `smplx`, for pictures and viewers, and to test our kinematics against.

`smplx` has a non-commercial licence; it is imported here only, and training does not need it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, load_body_model
from motiongrpo.body.skeleton import JOINTS
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import rotation_vector_from_matrix

HAND = 45  # axis-angle numbers of one hand


class Mesher:
    """Linear blend skinning of one body file; no pickled entry is read."""

    def __init__(self, path: Path) -> None:
        load_body_model(path)  # raises InputError if it is not a body file
        self.layer = _smplx_model(path)
        self.faces: Int[np.ndarray, "face 3"] = self.layer.faces.astype(np.int64)

    @torch.no_grad()
    def skin(
        self,
        betas: Float[Tensor, "frame 16"],
        R_parent_joint: Float[Tensor, "frame 51 3 3"],
        T_world_root: Transform,
    ) -> tuple[Float[Tensor, "frame vertex 3"], Float[Tensor, "frame 52 3"]]:
        """Vertices and joints in the world, metres."""
        pose = rotation_vector_from_matrix(R_parent_joint).flatten(1).float()
        rest_root = self.layer(betas=betas.float(), **_zero_pose(len(pose))).joints[:, 0]
        out = self.layer(
            betas=betas.float(),
            global_orient=rotation_vector_from_matrix(T_world_root.R).float(),
            body_pose=pose[:, : -2 * HAND],
            left_hand_pose=pose[:, -2 * HAND : -HAND],
            right_hand_pose=pose[:, -HAND:],
            transl=T_world_root.p.float() - rest_root,
        )
        return out.vertices, out.joints[:, :JOINTS]


def _zero_pose(frames: int) -> dict[str, Tensor]:
    sizes = {"global_orient": 3, "body_pose": 63, "left_hand_pose": HAND, "right_hand_pose": HAND}
    return {name: torch.zeros(frames, size) for name, size in sizes.items()}


def _smplx_model(path: Path) -> Any:
    """An `smplx.SMPLH` with 16 shape coefficients, for any mesh, with or without hand components."""
    import smplx
    from smplx.utils import Struct

    class SixteenBetas(smplx.SMPLH):
        SHAPE_SPACE_DIM = SHAPE_COEFFICIENTS

    with np.load(path, allow_pickle=False) as archive:
        keys = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f", "posedirs")
        data = {key: archive[key] for key in keys}
    data["shapedirs"] = data["shapedirs"][..., :SHAPE_COEFFICIENTS]
    for side in "lr":
        data[f"hands_components{side}"] = np.eye(HAND)
        data[f"hands_mean{side}"] = np.zeros(HAND)
    return SixteenBetas(
        str(path),
        data_struct=Struct(**data),
        num_betas=SHAPE_COEFFICIENTS,
        use_pca=False,
        flat_hand_mean=True,
        vertex_ids={name: 0 for name in _VERTEX_NAMES},
    )


_VERTEX_NAMES = [
    "nose",
    "reye",
    "leye",
    "rear",
    "lear",
    "LBigToe",
    "LSmallToe",
    "LHeel",
    "RBigToe",
    "RSmallToe",
    "RHeel",
    "lthumb",
    "lindex",
    "lmiddle",
    "lring",
    "lpinky",
    "rthumb",
    "rindex",
    "rmiddle",
    "rring",
    "rpinky",
]
