"""A track written in every requested format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, assert_never

from motiongrpo.body.skin import SkinnedBody
from motiongrpo.export.amass import write_amass
from motiongrpo.export.bvh import write_bvh
from motiongrpo.export.gltf import write_glb
from motiongrpo.export.joints_table import write_joints_table
from motiongrpo.export.track import BodyTrack

Kind = Literal["bvh", "glb", "npz", "parquet"]


def export_track(track: BodyTrack, body: SkinnedBody, path: Path, kinds: Sequence[Kind]) -> list[Path]:
    """Write the track beside `path`, which has no suffix, and return the files in the order of `kinds`.

    Each file is written all or nothing, and equal tracks give equal bytes. A track of several stretches
    becomes `path_1.bvh`, `path_2.bvh`, … in BVH and GLB, and one file in the others.
    """
    return [file for kind in kinds for file in _write(kind, track, body, path)]


def _write(kind: Kind, track: BodyTrack, body: SkinnedBody, path: Path) -> list[Path]:
    whole, parts = path.with_name(f"{path.name}.{kind}"), track.parts()
    numbers = [""] if len(parts) == 1 else [f"_{number}" for number in range(1, len(parts) + 1)]
    split = [path.with_name(f"{path.name}{number}.{kind}") for number in numbers]
    match kind:
        case "bvh":
            for part, file in zip(parts, split, strict=True):
                write_bvh(part, body.model, file)
            return split
        case "glb":
            for part, file in zip(parts, split, strict=True):
                write_glb(part, body, file)
            return split
        case "npz":
            write_amass(track, body.model, whole)
        case "parquet":
            write_joints_table(track, body.model, whole)
        case _:
            assert_never(kind)
    return [whole]
