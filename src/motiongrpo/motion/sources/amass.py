"""AMASS: local axis-angle poses over time, in the SMPL+H release and in the SMPL-X one.

    *_poses.npz    SMPL+H G    `mocap_framerate`   `poses` (T, 156): root 3, body 63, left, right hand 45
    *_stageii.npz  SMPL-X G, N `mocap_frame_rate`  `poses` (T, 165): jaw and eyes (9) before the hands

`trans` moves the body's origin, so the pelvis is at trans + J₀(β). World z up, metres. With another body or
shape, J₀ is off by a constant vector: grounding removes its vertical part, and nothing depends on the rest.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.body.skeleton import JOINTS, Joint
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip, Take
from motiongrpo.motion.frame_rate import FrameRate, check_frame_rate
from motiongrpo.motion.sources.amass_subsets import Subsets
from motiongrpo.motion.sources.patterns import first_match, refuse_skipped

LICENCE = "AMASS, non-commercial research"
ANGLES = 3 * JOINTS
FACE = slice(66, 75)  # jaw and eyes of SMPL-X, which SMPL-H lacks
RATE_SPELLINGS = ("mocap_framerate", "mocap_frame_rate")


class AmassConfig(Config):
    """Which of AMASS's files to read, and how. Patterns match paths that begin with the subset's new name."""

    subsets: Subsets
    skip: list[str]  # patterns of takes to leave out
    middle_share: float = Field(gt=0, le=1)  # of each take; the rest is cut off evenly at both ends
    betas: Literal["zero", "file", "converted"]  # zero where the file's betas are of another shape space
    gender: Literal["neutral", "female", "male"]  # of the body file; with `file`, others are refused
    fps: dict[str, FrameRate]  # by pattern: the true rate where that of the file is wrong


def amass_take(
    arrays: Mapping[str, Any],
    file: str,
    model: BodyModel,
    config: AmassConfig,
    conversion: GenderConversion | None = None,
) -> Take:
    """The middle of a take; `file` is its path, starting with its subset (CMU/01/01_01_poses.npz)."""
    refuse_skipped(file, config.skip, "ingestion.amass.skip")
    clip = amass_clip(arrays, file, model, config, conversion)
    cut = round((1 - config.middle_share) / 2 * len(clip))
    middle = clip.frames(cut, len(clip) - cut)
    return Take([middle], len(clip) / clip.fps, "")


def amass_clip(
    arrays: Mapping[str, Any],
    file: str,
    model: BodyModel,
    config: AmassConfig,
    conversion: GenderConversion | None = None,
) -> Clip:
    """The whole motion of a file's arrays as one clip."""
    poses, trans = _motion(arrays, file)
    betas = _betas(arrays, file, config, conversion)
    pelvis = model.rest_joints(betas)[Joint.PELVIS]
    q = quaternion_from_rotation_vector(torch.from_numpy(poses).unflatten(1, (JOINTS, 3)))
    return Clip(
        name=file.removesuffix(".npz"),
        source="amass",
        subject=subject_of_path(file),
        activity="",
        licence=LICENCE,
        fps=_frame_rate(arrays, file, config),
        betas=betas,
        q_parent_joint=q[:, 1:],
        T_world_root=torch.cat([q[:, 0], torch.from_numpy(trans) + pelvis], dim=1),
    )


def subject_of_path(file: str) -> str:
    """The subject of a file: its folder, as a path that begins with the subset."""
    return file.rpartition("/")[0] or file


def _motion(arrays: Mapping[str, Any], file: str) -> tuple[np.ndarray, np.ndarray]:
    """`poses` in the joint order of SMPL-H, (frame, 156), and `trans`, (frame, 3)."""
    if "poses" not in arrays:
        raise InputError(f"'{file}' holds a body shape but no motion: it has no 'poses'")
    if "trans" not in arrays:
        raise InputError(f"'{file}' has no 'trans', so nothing says where the body is")
    poses, trans = (_single(arrays, key, file) for key in ("poses", "trans"))
    widths = {ANGLES: "SMPL+H G", ANGLES + 9: "the SMPL-X releases"}
    if poses.ndim != 2 or poses.shape[1] not in widths:
        known = " or ".join(f"(frames, {width}) as in {release}" for width, release in widths.items())
        raise InputError(f"'{file}': 'poses' must be {known}, got {poses.shape}")
    if poses.shape[1] > ANGLES:
        poses = np.delete(poses, FACE, axis=1)
    if trans.shape != (len(poses), 3):
        raise InputError(f"'{file}': 'trans' must be ({len(poses)}, 3) like 'poses', got {trans.shape}")
    for key, values in (("poses", poses), ("trans", trans)):
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise InputError(f"'{file}': '{key}' is not finite at frame {int(bad.argmax())}")
    return poses, trans


def _betas(
    arrays: Mapping[str, Any], file: str, config: AmassConfig, conversion: GenderConversion | None
) -> Float[Tensor, "16"]:
    if config.betas == "zero":
        return torch.zeros(SHAPE_COEFFICIENTS)
    if "betas" not in arrays:
        raise InputError(f"'{file}' has no 'betas'; set ingestion.amass.betas to 'zero' for the mean shape")
    body = body_kind(arrays, file)
    betas = _single(arrays, "betas", file).ravel()[:SHAPE_COEFFICIENTS]
    if not np.isfinite(betas).all():
        raise InputError(f"'{file}': 'betas' are not finite; set ingestion.amass.betas to 'zero'")
    betas = torch.from_numpy(np.pad(betas, (0, SHAPE_COEFFICIENTS - len(betas))))
    if config.betas == "converted":
        if conversion is None:
            raise InputError(
                "ingestion.amass.betas is 'converted', which needs --params gender_conversion=FILE"
            )
        return conversion.neutral(body, betas, file)
    if body != config.gender:
        raise InputError(
            f"'{file}' has betas of a {body} body, but the body file is {config.gender}; "
            "set ingestion.amass.betas to 'zero' or 'converted'"
        )
    return betas


def body_kind(arrays: Mapping[str, Any], file: str) -> str:
    """The shape space of a file's betas: `female`, or `smplx_female` in the SMPL-X releases."""
    entry = np.asarray(arrays.get("gender", "neutral"))
    if entry.size != 1:
        raise InputError(f"'{file}': 'gender' must be one word, got shape {entry.shape}")
    gender = entry.item()
    gender = gender.decode("utf-8", "backslashreplace") if isinstance(gender, bytes) else str(gender)
    gender = shown(gender)
    return f"smplx_{gender}" if np.shape(arrays["poses"])[-1] > ANGLES else gender


def _frame_rate(arrays: Mapping[str, Any], file: str, config: AmassConfig) -> float:
    fps = first_match(file, config.fps, None)
    if fps is not None:
        return fps
    for key in RATE_SPELLINGS:
        if key in arrays:
            rate = _numbers(arrays, key, file)
            if rate.size != 1 or not (np.isfinite(rate).all() and rate.min() > 0):
                got = rate.item() if rate.size == 1 else f"shape {rate.shape}"
                raise InputError(
                    f"'{file}': '{key}' must be one number above 0, got {got}; name it in ingestion.amass.fps"
                )
            check_frame_rate(float(rate.item()), f"'{file}'", "name the true rate in ingestion.amass.fps")
            return float(rate.item())
    raise InputError(f"'{file}' does not say its frame rate; name it in ingestion.amass.fps")


def _numbers(arrays: Mapping[str, Any], key: str, file: str) -> np.ndarray:
    values = np.asarray(arrays[key])
    if values.dtype.kind not in "fiu":
        raise InputError(f"'{file}': '{key}' must be numbers, got {values.dtype}")
    return values


def _single(arrays: Mapping[str, Any], key: str, file: str) -> np.ndarray:
    """The values in single precision; those beyond its range become infinite."""
    with np.errstate(over="ignore"):
        return _numbers(arrays, key, file).astype(np.float32)
