"""Body models in SMPL-H npz format, reduced to what kinematics needs.

Rest joints are linear in the shape coefficients, J(β) = J₀ + D β (Loper et al. 2015, eq. 10), and so are the
pupils and the soles of the feet. They are derived once per file; training, rewards and metrics use no
vertices. No entry of the file is unpickled.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.npz import read_numbers
from motiongrpo.body.skeleton import JOINTS, PARENTS, Joint
from motiongrpo.geometry.se3 import Transform

SHAPE_COEFFICIENTS = 16
OPEN_BODY = Path(__file__).with_name("open_body.npz")

KEYS = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table")
MOST_BYTES = 1e9  # of the arrays that are read, unpacked
LARGEST_M = 10.0  # of a body, from its origin
SMPLH_VERTICES = 6890
SMPLH_EYES = ((6260, 6262), (2800, 2802))  # right and left; EgoAllo's vertices
SOLE_THICKNESS_M = 0.03
SOLES_PER_FOOT = 12


@dataclass(frozen=True)
class LinearShape:
    """Points that move linearly with the shape: base + directions · β, metres."""

    base: Float[Tensor, "*points 3"]
    directions: Float[Tensor, "*points 3 beta"]

    def __call__(self, betas: Float[Tensor, "*batch beta"]) -> Float[Tensor, "..."]:
        """Positions with the batch axes of `betas` first, metres."""
        directions = self.directions.to(betas)
        moved = betas @ directions.flatten(0, -2).mT
        return moved.unflatten(-1, directions.shape[:-1]) + self.base.to(betas)


@dataclass(frozen=True)
class ShapedBody:
    """A body of given shape coefficients in its zero pose, y up and z forward. Metres."""

    t_parent_joint: Float[Tensor, "*batch 52 3"]  # from the parent joint; the root's from the origin
    p_head_cpf: Float[Tensor, "*batch 3"]  # central pupil frame, in head coordinates
    p_joint_sole: Float[Tensor, "*batch sole 3"]  # in coordinates of `sole_joints`
    sole_joints: tuple[Joint, ...]
    standing_height: Float[Tensor, "*batch 52"]  # of each joint above the soles in the zero pose

    @property
    def T_head_cpf(self) -> Transform:
        """The central pupil frame in head coordinates; its axes are those of the head."""
        return Transform(torch.eye(3).to(self.p_head_cpf), self.p_head_cpf)


@dataclass(frozen=True)
class BodyModel:
    """A loaded body file, reduced to joints, pupils and soles as linear functions of the shape."""

    name: str
    digest: str  # SHA-256 of the file
    rest_joints: LinearShape
    eyes: LinearShape
    soles: LinearShape
    sole_joints: tuple[Joint, ...]

    def shaped(self, betas: Float[Tensor, "*batch 16"]) -> ShapedBody:
        """The body with these shape coefficients; batch axes and dtype follow `betas`."""
        joints, soles = self.rest_joints(betas), self.soles(betas)
        parents = [max(parent, 0) for parent in PARENTS]
        offsets = joints - joints[..., parents, :]
        offsets[..., 0, :] = joints[..., 0, :]
        floor = soles[..., 1].amin(dim=-1, keepdim=True)  # body files are y up
        return ShapedBody(
            t_parent_joint=offsets,
            p_head_cpf=self.eyes(betas) - joints[..., Joint.HEAD, :],
            p_joint_sole=soles - joints[..., list(self.sole_joints), :],
            sole_joints=self.sole_joints,
            standing_height=joints[..., 1] - floor,
        )


def find_body_file(path: Path, gender: str) -> Path:
    """The file of one gender, from a path to a file or to a folder in either layout of the SMPL-H releases.

    `smplh/neutral/model.npz` is the extended release, `smplh/SMPLH_NEUTRAL.npz` the layout of smplx.
    """
    if path.is_file():
        return path
    relative = (f"{gender}/model.npz", f"SMPLH_{gender.upper()}.npz")
    candidates = [path / folder / name for folder in ("", "smplh") for name in relative]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InputError(
        f"no {gender} body file at '{path}': expected a .npz file, or a folder with {' or '.join(relative)}"
    )


def body_file(body: str | None, gender: str) -> Path:
    """The body file that the parameters `body` and `gender` name; None as `body` is the open body."""
    return find_body_file(OPEN_BODY if body is None else Path(body).expanduser(), gender)


def load_body_model(path: Path) -> BodyModel:
    """Read a body file in SMPL-H format; InputError unless it holds plain arrays of the right shapes."""
    data = path.read_bytes()
    arrays = body_arrays(data, path)
    template, shapes = arrays["v_template"], arrays["shapedirs"][..., :SHAPE_COEFFICIENTS]
    regressor, weights = arrays["J_regressor"], arrays["weights"]
    joints = _regress(regressor, template, shapes)
    owner = weights.argmax(1)
    soles = _sole_vertices(template, owner, path)
    return BodyModel(
        name=path.stem if path.stem != "model" else path.parent.name,
        digest=hashlib.sha256(data).hexdigest(),
        rest_joints=joints,
        eyes=_regress(_pupil_regressor(arrays, len(template), path), template, shapes),
        soles=_regress(np.eye(len(template))[soles], template, shapes),
        sole_joints=tuple(Joint(int(owner[vertex])) for vertex in soles),
    )


def body_arrays(data: bytes, path: Path, also: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The required arrays of a body file, and optional ones where present; InputError as above."""
    where, wanted = f"body file '{path}'", (*KEYS, "eye_regressor", *also)
    arrays = read_numbers(data, where, MOST_BYTES, wanted)
    for key in KEYS:
        if key not in arrays:
            raise InputError(f"{where} has no '{key}': it is not in SMPL-H format")
    _check_shapes({key: array for key, array in arrays.items() if key not in also}, path)
    return arrays


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> None:
    vertices, coefficients = (arrays[key].shape or (0,) for key in ("v_template", "shapedirs"))
    vertices, coefficients = vertices[0], coefficients[-1]
    if coefficients < SHAPE_COEFFICIENTS:
        raise InputError(
            f"body file '{path}' has {coefficients} shape coefficients, but {SHAPE_COEFFICIENTS} are needed: "
            "use the extended SMPL-H release"
        )
    expected = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, coefficients),
        "J_regressor": (JOINTS, vertices),
        "weights": (vertices, JOINTS),
        "kintree_table": (2, JOINTS),
        "eye_regressor": (2, vertices),
    }
    for key, array in arrays.items():
        if array.shape != expected[key]:
            raise InputError(
                f"body file '{path}': '{key}' must have shape {expected[key]}, got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"body file '{path}': '{key}' has non-finite values")
    parents = arrays["kintree_table"][0, 1:].astype(int).tolist()
    if (size := np.abs(arrays["v_template"]).max()) > LARGEST_M:
        raise InputError(f"body file '{path}': 'v_template' reaches {size:g} m; it must be in metres")
    if (sums := arrays["weights"].sum(1)).min() < 0.5 or sums.max() > 2:
        raise InputError(f"body file '{path}': 'weights' must sum to one at every vertex")
    if parents != list(PARENTS[1:]):
        raise InputError(f"body file '{path}': 'kintree_table' is not the joint tree of SMPL-H")


def _regress(regressor: np.ndarray, template: np.ndarray, shapes: np.ndarray) -> LinearShape:
    base, directions = regressor @ template, np.einsum("pv,vck->pck", regressor, shapes)
    return LinearShape(torch.from_numpy(base).squeeze(0), torch.from_numpy(directions).squeeze(0))


def _pupil_regressor(arrays: dict[str, np.ndarray], vertices: int, path: Path) -> np.ndarray:
    """One row: the midpoint of both eyes, from the file's own `eye_regressor` or SMPL-H's vertices."""
    if "eye_regressor" in arrays:
        return arrays["eye_regressor"].mean(0, keepdims=True)
    if vertices != SMPLH_VERTICES:
        raise InputError(
            f"body file '{path}' has {vertices} vertices and no 'eye_regressor', so its eyes are unknown: "
            f"add an 'eye_regressor' of shape (2, {vertices})"
        )
    row = np.zeros((1, vertices))
    row[0, np.ravel(SMPLH_EYES)] = 0.25
    return row


def _sole_vertices(template: np.ndarray, owner: np.ndarray, path: Path) -> list[int]:
    """Vertices spread over both soles: low vertices of ankle or foot, chosen by farthest-point sampling."""
    chosen: list[int] = []
    for ankle, foot in ((Joint.LEFT_ANKLE, Joint.LEFT_FOOT), (Joint.RIGHT_ANKLE, Joint.RIGHT_FOOT)):
        skin = np.flatnonzero((owner == ankle) | (owner == foot))
        if not len(skin):
            raise InputError(f"body file '{path}': 'weights' give no vertex to {ankle.name} or {foot.name}")
        height = template[skin, 1]
        sole = skin[height < height.min() + SOLE_THICKNESS_M]
        chosen += _farthest_points(template, sole, SOLES_PER_FOOT)
    return chosen


def _farthest_points(points: np.ndarray, candidates: np.ndarray, count: int) -> list[int]:
    chosen = [int(candidates[points[candidates, 1].argmin()])]
    while len(chosen) < min(count, len(candidates)):
        gaps = np.linalg.norm(points[candidates, None] - points[None, chosen], axis=-1).min(1)
        chosen.append(int(candidates[gaps.argmax()]))
    return chosen
