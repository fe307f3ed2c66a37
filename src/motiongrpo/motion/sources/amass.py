"""AMASS, SMPL+H release (`*_poses.npz`): local axis-angle poses of 52 joints over time.

`trans` moves the body's origin, so the pelvis is at trans + J₀(β). World z up, metres.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
import torch
from pydantic import PositiveFloat

from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import JOINTS, Joint
from motiongrpo.config import Config
from motiongrpo.errors import InputError
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip

LICENCE = "AMASS, non-commercial research"


class AmassConfig(Config):
    """What to make of an AMASS file."""

    betas: Literal["file", "zero"]  # zero: the mean shape, for bodies whose betas mean something else
    gender: Literal["neutral", "female", "male"]  # of the body file; with `file`, others are refused
    fps: dict[str, PositiveFloat]  # by pattern of the file's path: the true rate where the file is wrong


def amass_clip(arrays: Mapping[str, Any], file: str, model: BodyModel, config: AmassConfig) -> Clip:
    """A clip from a file's arrays; `file` is its path in the data folder (CMU/01/01_01_poses.npz)."""
    poses, trans = _motion(arrays, file)
    betas = _betas(arrays, file, config)
    pelvis = model.rest_joints(betas)[Joint.PELVIS]
    q = quaternion_from_rotation_vector(torch.from_numpy(poses).unflatten(1, (JOINTS, 3)))
    return Clip(
        name=file.removesuffix(".npz"),
        source="amass",
        subject=file.rpartition("/")[0] or file,
        activity="",
        licence=LICENCE,
        fps=_frame_rate(arrays, file, config),
        betas=betas,
        q_parent_joint=q[:, 1:],
        T_world_root=torch.cat([q[:, 0], torch.from_numpy(trans) + pelvis], dim=1),
    )


def _motion(arrays: Mapping[str, Any], file: str) -> tuple[np.ndarray, np.ndarray]:
    if "poses" not in arrays:
        raise InputError(f"'{file}' holds a body shape but no motion: it has no 'poses'")
    if "trans" not in arrays:
        raise InputError(f"'{file}' has no 'trans', so nothing says where the body is")
    poses, trans = (_numbers(arrays, key, file) for key in ("poses", "trans"))
    if poses.ndim != 2 or poses.shape[1] != 3 * JOINTS:
        raise InputError(
            f"'{file}': 'poses' must be (frames, {3 * JOINTS}) as in SMPL+H G, got {poses.shape}"
        )
    if trans.shape != (len(poses), 3):
        raise InputError(f"'{file}': 'trans' must be ({len(poses)}, 3) like 'poses', got {trans.shape}")
    for key, values in (("poses", poses), ("trans", trans)):
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise InputError(f"'{file}': '{key}' is not finite at frame {int(bad.argmax())}")
    return poses, trans


def _betas(arrays: Mapping[str, Any], file: str, config: AmassConfig) -> torch.Tensor:
    if config.betas == "zero":
        return torch.zeros(SHAPE_COEFFICIENTS)
    gender = np.asarray(arrays.get("gender", "neutral")).item()
    gender = gender.decode() if isinstance(gender, bytes) else str(gender)
    if gender != config.gender:
        raise InputError(
            f"'{file}' has betas of a {gender} body, but the body file is {config.gender}; "
            "set ingestion.amass.betas to 'zero', or convert them"
        )
    if "betas" not in arrays:
        raise InputError(f"'{file}' has no 'betas'; set ingestion.amass.betas to 'zero' for the mean shape")
    betas = _numbers(arrays, "betas", file).ravel()[:SHAPE_COEFFICIENTS]
    if not np.isfinite(betas).all():
        raise InputError(f"'{file}': 'betas' are not finite; set ingestion.amass.betas to 'zero'")
    return torch.from_numpy(np.pad(betas, (0, SHAPE_COEFFICIENTS - len(betas))))


def _frame_rate(arrays: Mapping[str, Any], file: str, config: AmassConfig) -> float:
    for pattern, fps in config.fps.items():
        if fnmatchcase(file, pattern):
            return fps
    if "mocap_framerate" not in arrays:
        raise InputError(f"'{file}' does not say its frame rate; name it in ingestion.amass.fps")
    fps = _numbers(arrays, "mocap_framerate", file)
    if fps.size != 1 or not 0 < fps < np.inf:
        raise InputError(
            f"'{file}': 'mocap_framerate' must be one number above 0, got {fps}; "
            "name it in ingestion.amass.fps"
        )
    return fps.item()


def _numbers(arrays: Mapping[str, Any], key: str, file: str) -> np.ndarray:
    try:
        return np.asarray(arrays[key], dtype=np.float32)
    except ValueError as error:
        raise InputError(f"'{file}': '{key}' must be numbers, got {np.asarray(arrays[key]).dtype}") from error
