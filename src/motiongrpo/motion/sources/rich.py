"""RICH: SMPL-X bodies, one pickle per frame and person, in the coordinates of calibrated cameras.

    data/bodies/{train,val,test}/{sequence}/{frame}/{subject}.pkl   transl, global_orient, body_pose, betas, …
    data/multicam2world/{scene}_multicam2world.json                 R, t, c: p_world = c p R + t, p a row
    resource/gender.json, resource/meta/{sequence}.txt              from the toolkit

The 21 body joints of SMPL-X are those of SMPL-H. Hands are principal components of a licensed model, so they
are left flat. The shape space differs from ours: betas are zero, or converted by a conversion file.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

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
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, HAND_JOINTS, Joint
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector, quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip, Take
from motiongrpo.motion.frame_rate import FrameRate
from motiongrpo.motion.sources.array_pickle import read_array_pickle
from motiongrpo.motion.sources.folder import ClipReader, Read
from motiongrpo.motion.sources.patterns import first_match, refuse_skipped

LICENCE = "RICH, non-commercial research"
FIELDS = {"transl": 3, "global_orient": 3, "body_pose": 63, "betas": 10}
ROTATION_TOLERANCE = 1e-3
FRAME_BODY = re.compile(r"[0-9]+/.+\.pkl")  # the end of a body's path: its frame, its subject


class RichConfig(Config):
    """Which of RICH's folders to read, as which split, and what the files do not specify."""

    splits: dict[Literal["train", "val", "test"], Literal["train", "validation", "test"]] = Field(
        min_length=1
    )
    skip: list[str]  # patterns of sequences to leave out
    transforms: dict[str, str]  # by pattern of sequences: their transform, where it is not the scene's
    fps: FrameRate
    betas: Literal["zero", "converted"]


class Person(NamedTuple):
    """One person in one sequence: the motion that becomes one take."""

    folder: str  # train, val or test
    sequence: str
    subject: str  # a number


def rich_clips(
    files: Mapping[str, Read], model: BodyModel, config: RichConfig, conversion: GenderConversion | None
) -> Iterator[ClipReader]:
    """Every person of every sequence in the folders of `config.splits`; InputError where one is missing."""
    people: dict[Person, dict[int, str]] = defaultdict(dict)
    for file in files:
        match PurePosixPath(file).parts:
            case ("data", "bodies", folder, sequence, frame, name) if FRAME_BODY.fullmatch(f"{frame}/{name}"):
                people[Person(folder, sequence, name.removesuffix(".pkl"))][int(frame)] = file
    for folder in config.splits:
        if not any(person.folder == folder for person in people):
            raise InputError(
                f"'data/bodies/{folder}' is missing or empty in data_root; see ingestion.rich.splits"
            )
    for person, frames in people.items():
        if person.folder in config.splits:
            name = f"data/bodies/{person.folder}/{person.sequence}/*/{person.subject}.pkl"
            yield name, partial(_read_person, files, person, frames, model, config, conversion)


def world_from_camera(transform: Mapping[str, Any], where: str) -> tuple[Transform, float]:
    """T_world_camera and the scale applied before it, from R, t and c of p_world = c p R + t (p a row)."""
    try:
        R, t, c = (np.asarray(transform[key], dtype=np.float64) for key in ("R", "t", "c"))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"'{where}' must hold numbers R, t and c: {shown(str(error), 120)}") from error
    if R.shape != (3, 3) or t.size != 3 or c.size != 1:
        raise InputError(f"'{where}': R, t, c must have 9, 3, 1 numbers, got {R.size}, {t.size}, {c.size}")
    if not (np.isfinite(R).all() and np.isfinite(t).all() and np.isfinite(c).all()):
        raise InputError(f"'{where}': R, t and c must be finite")
    if not np.allclose(R @ R.T, np.eye(3), atol=ROTATION_TOLERANCE) or np.linalg.det(R) < 0:
        raise InputError(f"'{where}': R is not a rotation")
    return Transform(torch.from_numpy(R.T.copy()), torch.from_numpy(t.reshape(3))), float(c.item())


def bodies_in_world(
    bodies: Mapping[str, Float[Tensor, "frame _"]],
    T_world_camera: Transform,
    scale: float,
    pelvis: Float[Tensor, "3"],
) -> Transform:
    """T_world_root of the bodies, whose pelvis is at transl + J₀ and not at the origin."""
    R_camera_root = matrix_from_rotation_vector(bodies["global_orient"])
    p_camera_pelvis = bodies["transl"] + pelvis
    return Transform(T_world_camera.R @ R_camera_root, T_world_camera.apply(scale * p_camera_pelvis))


def _read_person(
    files: Mapping[str, Read],
    person: Person,
    frames: Mapping[int, str],
    model: BodyModel,
    config: RichConfig,
    conversion: GenderConversion | None,
) -> Take:
    refuse_skipped(person.sequence, config.skip, "ingestion.rich.skip")
    where = _transform_file(files, person.sequence, config)
    T_world_camera, scale = world_from_camera(_json(files, where), where)
    bodies, unreadable = _bodies(files, frames)
    runs = _runs(sorted(bodies))
    clips = []
    for run in runs:
        parts = {key: torch.stack([bodies[frame][key] for frame in run]) for key in FIELDS}
        betas = _betas(files, parts["betas"], person, config, conversion)
        pelvis = model.rest_joints(betas)[Joint.PELVIS]
        root = bodies_in_world(parts, T_world_camera, scale, pelvis)
        name = "/".join(("rich", *person)) + (f"/{run[0]:05d}" if len(runs) > 1 else "")
        clips.append(_on_its_feet(_clip(name, person, parts, betas, root, config), model))
    return Take(clips, len(frames) / config.fps, _reason(frames, runs, unreadable))


def _clip(
    name: str,
    person: Person,
    parts: Mapping[str, Tensor],
    betas: Tensor,
    T_world_root: Transform,
    config: RichConfig,
) -> Clip:
    q_body = quaternion_from_rotation_vector(parts["body_pose"].unflatten(1, (BODY_JOINTS - 1, 3)))
    flat = torch.tensor([1.0, 0, 0, 0]).to(q_body).expand(len(q_body), HAND_JOINTS, 4)
    return Clip(
        name=name,
        source="rich",
        subject=f"{person.folder}/{person.subject}",
        activity="",
        licence=LICENCE,
        fps=config.fps,
        betas=betas,
        q_parent_joint=torch.cat([q_body, flat], dim=1),
        T_world_root=T_world_root.wxyz_xyz(),
    )


def _on_its_feet(clip: Clip, model: BodyModel) -> Clip:
    """The motion, lowered until the lowest foot joint is at z = 0: a scene's origin may be off its floor."""
    _, posed = clip.posed(model)
    return clip.lowered(float(posed.p_world_joint[:, list(FEET), 2].min()))


def _bodies(
    files: Mapping[str, Read], frames: Mapping[int, str]
) -> tuple[dict[int, dict[str, Tensor]], dict[int, str]]:
    """The parameters of a body by frame, and the reasons, by frame, where they cannot be read."""
    bodies, unreadable = {}, {}
    for frame, file in frames.items():
        try:
            bodies[frame] = _numbers(read_array_pickle(files[file](), file), file)
        except InputError as error:
            unreadable[frame] = str(error)
    return bodies, unreadable


def _numbers(arrays: Mapping[str, np.ndarray], file: str) -> dict[str, Tensor]:
    for key, size in FIELDS.items():
        if key not in arrays:
            raise InputError(f"'{file}' has no '{key}', so it is not a body of RICH")
        if arrays[key].size != size or not np.isfinite(arrays[key]).all():
            raise InputError(
                f"'{file}': '{key}' must be {size} finite numbers, got shape {arrays[key].shape}"
            )
    return {key: torch.from_numpy(arrays[key].astype(np.float64).ravel()) for key in FIELDS}


def _betas(
    files: Mapping[str, Read],
    betas: Float[Tensor, "frame 10"],
    person: Person,
    config: RichConfig,
    conversion: GenderConversion | None,
) -> Float[Tensor, "16"]:
    if config.betas == "zero":
        return torch.zeros(SHAPE_COEFFICIENTS, dtype=betas.dtype)
    if conversion is None:
        raise InputError("ingestion.rich.betas is 'converted', which needs --params gender_conversion=FILE")
    genders = _json(files, "resource/gender.json")
    number = person.subject.lstrip("0") or "0"
    if number not in genders:
        raise InputError(f"'resource/gender.json' does not say the gender of subject {number}")
    padded = torch.nn.functional.pad(betas.mean(dim=0), (0, SHAPE_COEFFICIENTS - betas.shape[1]))
    return conversion.neutral(f"smplx_{genders[number]}", padded, f"{person.sequence}/{person.subject}")


def _transform_file(files: Mapping[str, Read], sequence: str, config: RichConfig) -> str:
    scene = sequence.partition("_")[0]
    name = first_match(sequence, config.transforms, scene)
    meta = f"resource/meta/{sequence}.txt"
    text = files[meta]().decode("utf-8", errors="replace") if meta in files else ""
    for scan in config.transforms.values():  # a scan that the toolkit names takes precedence over a pattern
        if scan.partition("_")[0] == scene and f"scan_{scan.partition('_')[2]}" in text:
            name = scan
    return f"data/multicam2world/{name}_multicam2world.json"


def _json(files: Mapping[str, Read], file: str) -> dict[str, Any]:
    if file not in files:
        raise InputError(f"'{file}' is missing in data_root; docs/data.md says where RICH offers it")
    data = files[file]()
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{file}' is not JSON: {shown(str(error), 120)}") from error
    if not isinstance(content, dict):
        raise InputError(f"'{file}' must hold a JSON object, got {type(content).__name__}")
    return content


def _runs(numbers: list[int]) -> list[list[int]]:
    """The runs of consecutive numbers in an ordered list."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _ranges(numbers: list[int]) -> str:
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in _runs(numbers))


def _reason(frames: Mapping[int, str], runs: list[list[int]], unreadable: Mapping[int, str]) -> str:
    said = []
    if unreadable:
        said.append(f"frames {_ranges(sorted(unreadable))} left out: {next(iter(unreadable.values()))}")
    gaps = len(_runs(sorted(frames))) - 1
    if gaps:
        said.append(f"cut at {gaps} {'gap' if gaps == 1 else 'gaps'} between the frame numbers")
    return "; ".join(said)
