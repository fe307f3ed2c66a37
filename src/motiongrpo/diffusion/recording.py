"""Recordings: motions under one head path, kept in one npz file for viewing.

The file holds plain arrays in the project's conventions (metres, z up, quaternions `wxyz`): `title`, `names`,
`fps`, `body_digest`, `betas` (motion, 16), `q_parent_joint` (motion, frame, 21, 4), `contacts` (motion,
frame, 21) and `T_world_cpf` (frame, 7). With the body file of that digest they are whole bodies, hung from
the head. Motions with uncertainty bands have `radius_90_m` (motion, frame, 22) and `guess_m`; head paths with
repaired frames have `repaired` (frame).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file
from motiongrpo.base.npz import read_npz
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import matrix_from_quaternion, quaternion_from_matrix

TEXTS = ("title", "names", "body_digest")
MOST_BYTES = 2e9  # of a file, unpacked


@dataclass(frozen=True)
class Doubt:
    """How far true joints may be from those of a recording's motions."""

    radius_90_m: Float[Tensor, "motion frame 22"]  # of the ball that holds nine of ten; zero for a truth
    guess_m: float  # a joint whose radius is larger is a guess


@dataclass(frozen=True)
class Recording:
    """Motions under one head path, such as the truth and samples of two models."""

    title: str
    names: tuple[str, ...]
    motions: PlacedMotion  # one row per name, all frames real
    fps: float
    body_digest: str  # of the body file that the motions are meant for
    doubt: Doubt | None = None  # where it is known
    repaired: Bool[Tensor, " frame"] | None = None  # whether the head's pose was made up at a frame


def save_recording(recording: Recording, path: Path) -> None:
    """One npz file, written all or nothing."""
    motions = recording.motions
    arrays = {
        "title": np.array(recording.title),
        "names": np.array(recording.names),
        "fps": np.array(recording.fps),
        "body_digest": np.array(recording.body_digest),
        "betas": motions.betas.float().numpy(),
        "q_parent_joint": quaternion_from_matrix(motions.R_parent_joint).float().numpy(),
        "contacts": motions.contacts.numpy() > 0.5,
        "T_world_cpf": motions.T_world_cpf[0].float().numpy(),
    }
    if recording.doubt is not None:
        arrays["radius_90_m"] = recording.doubt.radius_90_m.float().numpy()
        arrays["guess_m"] = np.array(recording.doubt.guess_m)
    if recording.repaired is not None:
        arrays["repaired"] = recording.repaired.numpy()

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    replace_file(path, write)


def load_recording(path: Path) -> Recording:
    """The recording of an npz file; raises InputError where the file is not one."""
    arrays = _arrays(path)
    betas = torch.from_numpy(arrays["betas"])
    head = torch.from_numpy(arrays["T_world_cpf"])
    motions = PlacedMotion(
        betas=betas,
        R_parent_joint=matrix_from_quaternion(torch.from_numpy(arrays["q_parent_joint"])),
        contacts=torch.from_numpy(arrays["contacts"]).to(betas),
        T_world_cpf=head.expand(len(betas), *head.shape),
        mask=torch.ones(len(betas), len(head), dtype=torch.bool),
    )
    names = tuple(str(name) for name in arrays["names"])
    doubt, repaired = None, None
    if "radius_90_m" in arrays:
        doubt = Doubt(torch.from_numpy(arrays["radius_90_m"]), float(arrays["guess_m"]))
    if "repaired" in arrays:
        repaired = torch.from_numpy(arrays["repaired"])
    about = str(arrays["title"]), names, motions, float(arrays["fps"]), str(arrays["body_digest"])
    return Recording(*about, doubt, repaired)


def load_recordings(places: list[Path]) -> dict[str, Recording]:
    """By file name: the recordings that files and folders of them hold."""
    files = [
        file for place in places for file in (sorted(place.glob("*.npz")) if place.is_dir() else [place])
    ]
    if not files:
        raise InputError(f"there is no recording in '{places[0]}'; the viewer pipeline writes some")
    return {file.stem: load_recording(file) for file in files}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, as many motions and frames in each."""
    if not path.is_file():
        raise InputError(f"there is no recording at '{path}'")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"'{path}' has more than {MOST_BYTES / 1e6:g} MB; give a recording")
    arrays = read_npz(path.read_bytes(), f"'{path}'", MOST_BYTES, "; give a recording")
    motions, frames = arrays.get("names", np.zeros(0)).size, len(np.atleast_1d(arrays.get("T_world_cpf", 0)))
    shapes = {
        "title": (),
        "names": (motions,),
        "fps": (),
        "body_digest": (),
        "betas": (motions, 16),
        "q_parent_joint": (motions, frames, 21, 4),
        "contacts": (motions, frames, 21),
        "T_world_cpf": (frames, 7),
    }
    if {"radius_90_m", "guess_m"} & arrays.keys():
        shapes |= {"radius_90_m": (motions, frames, BODY_JOINTS), "guess_m": ()}
    if "repaired" in arrays:
        shapes["repaired"] = (frames,)
    for name, shape in shapes.items():
        if name not in arrays:
            raise InputError(f"'{path}' is not a recording: it has no '{name}'")
        _demand_values(arrays[name], shape, "U" if name in TEXTS else "biuf", f"'{path}': '{name}'")
    if arrays["fps"] <= 0:
        raise InputError(f"'{path}': 'fps' must be above 0, got {arrays['fps']}")
    return arrays


def _demand_values(values: np.ndarray, shape: tuple[int, ...], kinds: str, where: str) -> None:
    """Raise InputError unless an array has this shape and one of these kinds of type, and is finite."""
    if values.shape != shape:
        raise InputError(f"{where} must have shape {shape}, got {values.shape}")
    if values.dtype.kind not in kinds:
        raise InputError(f"{where} cannot be of type {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{where} has values that are not finite")
