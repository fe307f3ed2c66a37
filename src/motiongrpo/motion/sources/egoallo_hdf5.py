"""EgoAllo's preprocessed AMASS: one HDF5 file and a text file with the names of its groups, one per line.

A group is a take at 30 frames/s: T_world_root (T, 7) at the pelvis, body_quats (T, 21, 4), hand_quats
(T, 30, 4) where they were kept, betas (1, 16), T_world_cpf (T, 7); rotations are `wxyz`. Contacts and head
are recomputed from our body. The mirrored copies (`_reflect`) have unmirrored fingers and are in the test
split, too; they are left out, since training mirrors the windows that it draws.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import escaped, shown
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.kinematics import central_pupil_frame
from motiongrpo.body.skeleton import BODY_JOINTS, HAND_JOINTS
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.frame_rate import FrameRate
from motiongrpo.motion.raw import RawFile
from motiongrpo.motion.sources.amass import LICENCE, subject_of_path
from motiongrpo.motion.sources.amass_subsets import Subsets, subset_folders
from motiongrpo.motion.sources.folder import ClipReader

MIRRORED = "_reflect.npz"
UNIT_TOLERANCE = 1e-3
HEAD_TOLERANCE_M = 0.01  # between the head in the file and that of the body with the file's betas


class EgoAlloConfig(Config):
    """The two files of EgoAllo's preprocessing, and what they do not specify."""

    file: str = Field(min_length=1)  # in data_root
    groups: str = Field(min_length=1)  # the text file, in data_root
    subsets: Subsets
    fps: FrameRate
    betas: Literal["zero", "file"]  # file: only with the neutral SMPL-H file that the data were made with


def egoallo_clips(
    files: Mapping[str, RawFile], model: BodyModel, config: EgoAlloConfig, most_bytes: float = math.inf
) -> Iterator[ClipReader]:
    """Every take named in the text file; InputError where a file or a subset is missing.

    A take with an array of more than `most_bytes` is refused when it is read.
    """
    _h5py()
    for file in (config.file, config.groups):
        if file not in files:
            raise InputError(f"there is no '{file}' in data_root; name it in ingestion.egoallo_hdf5")
    groups = files[config.groups].read().decode("utf-8", errors="replace").split("\n")
    groups = [group.strip() for group in groups if group.strip()]
    subsets = subset_folders((g.partition("/")[0] for g in groups), config.subsets, f"'{config.groups}'")
    for group in dict.fromkeys(groups):
        read = partial(read_group, files[config.file].path, group, most_bytes)
        yield group, partial(_read_group, read, group, subsets, model, config)


def _read_group(
    read: Callable[[], dict[str, Tensor]],
    group: str,
    subsets: Mapping[str, str],
    model: BodyModel,
    config: EgoAlloConfig,
) -> Clip:
    folder, _, inside = group.partition("/")
    if folder not in subsets:
        raise InputError(f"left out: ingestion.egoallo_hdf5.subsets does not name '{folder}'")
    if group.endswith(MIRRORED):
        raise InputError("left out: a mirrored copy, and training mirrors windows as it draws them")
    arrays = read()
    name = f"{subsets[folder]}/{inside}".removesuffix(".npz")
    clip = Clip(
        name=name,
        source="egoallo",
        subject=subject_of_path(name),
        activity="",
        licence=LICENCE,
        fps=config.fps,
        betas=arrays["betas"][0] if config.betas == "file" else torch.zeros(SHAPE_COEFFICIENTS),
        q_parent_joint=torch.cat([_unit(arrays, key, group) for key in ("body_quats", "hand_quats")], dim=1),
        T_world_root=torch.cat([_unit(arrays, "T_world_root", group), arrays["T_world_root"][:, 4:]], dim=1),
    )
    if config.betas == "file":
        _check_head(clip, arrays["T_world_cpf"], model)
    return clip


def read_group(path: Path, group: str, most_bytes: float = math.inf) -> dict[str, Float[Tensor, "..."]]:
    """The arrays of one take; hands are flat where they were not kept."""
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            _array = partial(_checked_array, most_bytes)
            root = _array(file, group, "T_world_root", (None, 7))
            frames = len(root)
            flat = np.tile(np.array([1, 0, 0, 0], np.float32), (frames, HAND_JOINTS, 1))
            hands = f"{group}/hand_quats" in file
            arrays = {
                "T_world_root": root,
                "body_quats": _array(file, group, "body_quats", (frames, BODY_JOINTS - 1, 4)),
                "hand_quats": _array(file, group, "hand_quats", (frames, HAND_JOINTS, 4)) if hands else flat,
                "betas": _array(file, group, "betas", (1, SHAPE_COEFFICIENTS)),
                "T_world_cpf": _array(file, group, "T_world_cpf", (frames, 7)),
            }
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError) as error:
        said = shown(str(error), 120)
        raise InputError(f"'{escaped(path.name)}' cannot be read at '{group}': {said}") from error
    return {key: torch.from_numpy(array) for key, array in arrays.items()}


def _checked_array(
    most_bytes: float, file: Any, group: str, key: str, shape: tuple[int | None, ...]
) -> np.ndarray:
    """One dataset of the file as float32; soft and external links are refused."""
    h5py, where = _h5py(), f"{group}/{key}"
    parts = where.split("/")
    for end in range(1, len(parts) + 1):
        link = file.get("/".join(parts[:end]), getlink=True)
        if link is None:
            raise InputError(f"'{file.filename.rpartition('/')[2]}' has no '{'/'.join(parts[:end])}'")
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"'{where}' points elsewhere, and no link in a file is followed")
    data = file[where]
    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
        raise InputError(f"'{where}' is not an array that lies in the file itself")
    size = tuple(int(n) for n in data.shape or ())  # the shape of an empty dataspace is None
    fits = len(size) == len(shape) and all(w in (None, n) for n, w in zip(size, shape, strict=True))
    if not fits or data.dtype.kind != "f":
        wanted = ", ".join("frames" if size is None else str(size) for size in shape)
        raise InputError(f"'{where}' must be ({wanted}) of floats, got {data.shape} of {data.dtype}")
    if math.prod(size) * data.dtype.itemsize > most_bytes:
        raise InputError(
            f"'{where}' announces {size[0]} frames, more than {most_bytes / 1e6:g} MB; "
            "if that is motion, raise ingestion.most_megabytes"
        )
    if data.size and not data.id.get_storage_size():
        raise InputError(f"'{where}' announces {size[0]} frames and holds none; make the file again")
    values = np.asarray(data[...], dtype=np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"'{where}' is not finite")
    return values


def _unit(arrays: Mapping[str, Tensor], key: str, group: str) -> Float[Tensor, "*batch 4"]:
    q = arrays[key][..., :4]
    length = q.norm(dim=-1, keepdim=True)
    if ((length - 1).abs() > UNIT_TOLERANCE).any():
        raise InputError(f"'{group}/{key}' holds quaternions of length {length.min():.3g}, which must be 1")
    return q / length


def _check_head(clip: Clip, T_world_cpf: Float[Tensor, "frame 7"], model: BodyModel) -> None:
    """Raise InputError where our head differs from the file's, as with betas of another shape space."""
    off = (central_pupil_frame(*clip.frames(0, 1).posed(model)).p[0] - T_world_cpf[0, 4:]).norm()
    if off > HEAD_TOLERANCE_M:
        raise InputError(
            f"on this body file the head is {100 * off:.1f} cm from where '{clip.name}' has it; pass the "
            "neutral SMPL-H file with --params body=FOLDER, or set ingestion.egoallo_hdf5.betas to 'zero'"
        )


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise InputError("EgoAllo's file needs h5py: pip install 'motiongrpo[hdf5]'") from error
    return h5py
