"""Conversion of betas from one body file's shape space to another's: β_neutral = A β + b, by least squares.

    python -m motiongrpo.body.gender_conversion SMPLH_FOLDER OUT.npz [--smplx SMPLX_FOLDER]

AMASS fits gendered bodies; a model of one neutral body needs their shapes in its own coefficients. The maps
depend on licensed files, so everyone derives them from their own copies, and none is shipped. SMPL-H files
share their mesh, so vertices are matched. SMPL-X has another mesh but the same 22 body joints, so for
SMPL-X the rest joints are matched, about the pelvis: heights and limb lengths carry over, girths do not.
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file
from motiongrpo.base.npz import read_numbers
from motiongrpo.base.words import shown
from motiongrpo.body.body_model import MOST_BYTES, SHAPE_COEFFICIENTS, find_body_file
from motiongrpo.body.skeleton import BODY_JOINTS

GENDERED = ("female", "male")
SMPLX = ("smplx_female", "smplx_male", "smplx_neutral")
SMALLEST_SINGULAR = 1e-3  # of the largest; directions of shape that hardly move the points stay at the mean


@dataclass(frozen=True)
class GenderConversion:
    """Affine maps of betas into the neutral SMPL-H space, by kind of body (`female`, `smplx_male`, …)."""

    maps: dict[str, tuple[Float[Tensor, "16 16"], Float[Tensor, "16"]]]
    digest: str

    def neutral(self, kind: str, betas: Float[Tensor, "16"], where: str) -> Float[Tensor, "16"]:
        """The neutral betas of the same person; betas of the kind `neutral` are returned unchanged."""
        if kind == "neutral":
            return betas
        if kind not in self.maps:
            have = ", ".join(sorted(self.maps))
            raise InputError(f"'{where}' has betas of a {kind} body, and the conversion file is for {have}")
        A, b = self.maps[kind]
        return A.to(betas) @ betas + b.to(betas)


@dataclass(frozen=True)
class Shapes:
    """Points of a body that move linearly with the shape, flattened: points = base + directions β."""

    base: np.ndarray  # (3 points,)
    directions: np.ndarray  # (3 points, 16)


def affine_map(source: Shapes, target: Shapes) -> tuple[np.ndarray, np.ndarray]:
    """A and b that bring target(A β + b) nearest to source(β) for every β, in squared point distances."""
    inverse = np.linalg.pinv(target.directions, rcond=SMALLEST_SINGULAR)
    return inverse @ source.directions, inverse @ (source.base - target.base)


def vertices_of(path: Path) -> Shapes:
    """All vertices of a body file."""
    template, directions = _shape_arrays(path, ("v_template", "shapedirs"))
    return _flattened(template, directions)


def body_joints_of(path: Path) -> Shapes:
    """The rest positions of the 22 body joints of an SMPL-H or SMPL-X file, about the pelvis."""
    template, directions, regressor = _shape_arrays(path, ("v_template", "shapedirs", "J_regressor"))
    base = regressor[:BODY_JOINTS] @ template
    moves = np.einsum("jv,vck->jck", regressor[:BODY_JOINTS], directions)
    return _flattened(base - base[:1], moves - moves[:1])


def derive(smplh: Path, smplx: Path | None) -> dict[str, np.ndarray]:
    """The arrays of a conversion file from folders of gendered body files."""
    target = vertices_of(find_body_file(smplh, "neutral"))
    maps = {}
    for gender in GENDERED:
        path = find_body_file(smplh, gender)
        source = vertices_of(path)
        if source.base.shape != target.base.shape:
            raise InputError(f"body file '{path}' has another mesh than the neutral one beside it")
        maps[gender] = affine_map(source, target)
    if smplx is not None:
        joints = body_joints_of(find_body_file(smplh, "neutral"))
        for kind in SMPLX:
            path = _smplx_file(smplx, kind.removeprefix("smplx_"))
            maps[kind] = affine_map(body_joints_of(path), joints)
    return {f"{kind}_{part}": a for kind, Ab in maps.items() for part, a in zip("Ab", Ab, strict=True)}


def load_gender_conversion(path: Path) -> GenderConversion:
    """Read a conversion file; InputError unless it holds plain arrays of the right shapes."""
    if not path.is_file():
        raise InputError(
            f"there is no gender conversion '{path}'; make it from your own body files with "
            "python -m motiongrpo.body.gender_conversion SMPLH_FOLDER OUT.npz"
        )
    n = SHAPE_COEFFICIENTS
    arrays = _plain_arrays(path)
    kinds = [key.removesuffix("_A") for key in arrays if key.endswith("_A")]
    for kind in kinds:
        shapes = arrays[f"{kind}_A"].shape, arrays.get(f"{kind}_b", np.zeros(0)).shape
        if shapes != ((n, n), (n,)):
            raise InputError(
                f"gender conversion '{path}': {kind} must be ({n}, {n}) and ({n},), got {shapes}"
            )
    maps = {k: (torch.from_numpy(arrays[f"{k}_A"]), torch.from_numpy(arrays[f"{k}_b"])) for k in kinds}
    if not maps:
        raise InputError(f"'{path}' is not a gender conversion: it has no '<gender>_A' and '<gender>_b'")
    return GenderConversion(maps, hashlib.sha256(path.read_bytes()).hexdigest())


def _smplx_file(folder: Path, gender: str) -> Path:
    relative = f"SMPLX_{gender.upper()}.npz"
    for path in (folder / relative, folder / "smplx" / relative):
        if path.is_file():
            return path
    raise InputError(f"no {gender} SMPL-X file in '{folder}': expected {relative}")


def _shape_arrays(path: Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    arrays = _plain_arrays(path, keys)
    vertices, coefficients = (arrays[key].shape or (0,) for key in ("v_template", "shapedirs"))
    if coefficients[-1] < SHAPE_COEFFICIENTS:
        raise InputError(
            f"body file '{path}' has {coefficients[-1]} shape coefficients, but "
            f"{SHAPE_COEFFICIENTS} are needed: use the extended release"
        )
    shapes = {
        "v_template": (vertices[0], 3),
        "shapedirs": (vertices[0], 3, coefficients[-1]),
        "J_regressor": (*arrays.get("J_regressor", np.zeros(1)).shape[:1], vertices[0]),
    }
    for key, array in arrays.items():
        if array.shape != shapes[key]:
            raise InputError(f"body file '{path}': '{key}' must have shape {shapes[key]}, got {array.shape}")
    arrays["shapedirs"] = arrays["shapedirs"][..., :SHAPE_COEFFICIENTS]
    return [arrays[key] for key in keys]


def _plain_arrays(path: Path, keys: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    arrays = read_numbers(path.read_bytes(), f"'{path}'", MOST_BYTES, keys)
    if lacking := [key for key in keys or () if key not in arrays]:
        raise InputError(f"'{path}' is not a body file: it has no '{lacking[0]}'")
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"'{path}': '{shown(key)}' has non-finite values")
    return arrays


def _flattened(base: np.ndarray, directions: np.ndarray) -> Shapes:
    return Shapes(base.reshape(-1), directions.reshape(base.size, -1))


def main() -> None:
    """Derive a conversion file and write it, all or nothing."""
    parser = argparse.ArgumentParser(
        description="Maps from gendered betas to neutral ones, from your own files."
    )
    parser.add_argument("smplh", type=Path, help="folder of female, male and neutral SMPL-H files, npz")
    parser.add_argument("out", type=Path)
    parser.add_argument("--smplx", type=Path, help="folder of SMPLX_{FEMALE,MALE,NEUTRAL}.npz")
    given = parser.parse_args()
    try:
        arrays = derive(given.smplh, given.smplx)
    except InputError as error:
        parser.error(str(error))
    with_suffix = given.out.with_suffix(".npz")

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    replace_file(with_suffix, write)


if __name__ == "__main__":
    main()
