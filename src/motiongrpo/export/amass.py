"""AMASS's npz, as its SMPL+H release has it, for tools that read that: z up, metres, axis-angle.

`poses` (frame, 156) is the root, 21 body joints and both hands, which are open; `trans` moves the origin of
the body file, so the pelvis is at trans + J₀(β). `touched`, `source_s`, `stretch`, `contacts` and
`T_world_cpf` are ours: AMASS knows one frame rate only, and the time between two stretches is not in the
frames.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from motiongrpo.base.files import replace_file
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import HAND_JOINTS, Joint
from motiongrpo.export.track import BodyTrack
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import rotation_vector_from_matrix


def write_amass(track: BodyTrack, body: BodyModel, path: Path) -> None:
    """All stretches in one npz file, written all or nothing."""
    arrays = amass_arrays(track, body)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    replace_file(path, write)


def amass_arrays(track: BodyTrack, body: BodyModel) -> dict[str, np.ndarray]:
    """The arrays of the file, by name."""
    root = Transform.from_wxyz_xyz(track.T_world_root.double())
    betas = track.betas.double()
    return {
        "poses": _poses(track, root.R).numpy(),
        "trans": (root.p - body.rest_joints(betas)[Joint.PELVIS]).numpy(),
        "betas": betas.numpy(),
        "gender": np.array(track.gender),
        "mocap_framerate": np.array(track.fps),
        "stretch": track.stretch_numbers().numpy(),
        "source_s": track.source_s.numpy(),
        "touched": track.touched.numpy(),
        "contacts": track.contacts.numpy(),
        "T_world_cpf": track.T_world_cpf.double().numpy(),
    }


def _poses(track: BodyTrack, R_world_root: Tensor) -> Tensor:
    R = torch.cat([R_world_root[:, None], track.R_parent_joint.double()], dim=1)
    hands = torch.zeros(len(track), 3 * HAND_JOINTS, dtype=torch.float64)
    return torch.cat([rotation_vector_from_matrix(R).flatten(1), hands], dim=1)
