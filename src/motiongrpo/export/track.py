"""A track: one person's recovered motion, as every exporter takes it.

A recording with holes is recovered in stretches. A track holds them one after the other: formats with a
constant frame rate (BVH, glTF) get one file for each stretch, tables name the stretch of each frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import PosedBody, pose_body, root_from_head
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Recording
from motiongrpo.geometry.se3 import Transform
from motiongrpo.head.path import Stretch

Gender = Literal["neutral", "female", "male"]


@dataclass(frozen=True)
class BodyTrack:
    """One person's motion. World z up with the floor at z = 0, metres, seconds, quaternions `wxyz`."""

    name: str
    fps: float
    gender: Gender  # of the body file that the betas belong to
    betas: Float[Tensor, " 16"]
    R_parent_joint: Float[Tensor, "frame 21 3 3"]
    T_world_root: Float[Tensor, "frame 7"]  # the pelvis, wxyz_xyz
    T_world_cpf: Float[Tensor, "frame 7"]  # the head path that the body hangs from
    contacts: Bool[Tensor, "frame 21"]  # with the floor, of the joints below the root
    source_s: Float64[Tensor, " frame"]  # by the clock of the recorded file
    touched: Int[Tensor, " frame"]  # bits of `Touch`
    stretches: tuple[range, ...]  # the frames of each, in order
    radius_90_m: Float[Tensor, "frame 22"] | None = (
        None  # of balls that hold the true joints nine times in ten
    )

    def __post_init__(self) -> None:
        if [frame for stretch in self.stretches for frame in stretch] != list(range(len(self))):
            raise InputError(
                f"'{self.name}': stretches must cover its {len(self)} frames in order, got {self.stretches}"
            )
        for what in ("betas", "R_parent_joint", "T_world_root", "T_world_cpf", "source_s", "radius_90_m"):
            values = getattr(self, what)
            if values is not None and not bool(values.isfinite().all()):
                at = int((~values.isfinite()).nonzero()[0, 0])
                raise InputError(f"'{self.name}': {what}[{at}] is not finite; recover the recording again")

    def __len__(self) -> int:
        return len(self.T_world_root)

    @classmethod
    def hung(
        cls,
        motion: PlacedMotion,
        body: BodyModel,
        stretches: Sequence[Stretch],
        fps: float,
        gender: Gender,
        name: str,
    ) -> "BodyTrack":
        """A motion of one row, hung from the stretches of a head path, which it has one after the other."""
        real = motion.mask[0]
        ends = torch.tensor([0, *map(len, stretches)]).cumsum(0).tolist()
        R_parent_joint, T_world_cpf = motion.R_parent_joint[0, real], motion.T_world_cpf[0, real]
        shaped, head = body.shaped(motion.betas[0]), Transform.from_wxyz_xyz(T_world_cpf)
        return cls(
            name=name,
            fps=fps,
            gender=gender,
            betas=motion.betas[0],
            R_parent_joint=R_parent_joint,
            T_world_root=root_from_head(shaped, R_parent_joint, head).wxyz_xyz(),
            T_world_cpf=T_world_cpf,
            contacts=motion.contacts[0, real] > 0.5,
            source_s=torch.cat([stretch.source_s.double() for stretch in stretches]),
            touched=torch.cat([stretch.touched for stretch in stretches]),
            stretches=tuple(map(range, ends[:-1], ends[1:])),
        )

    @classmethod
    def of_recording(cls, recording: Recording, row: int, body: BodyModel, gender: Gender) -> "BodyTrack":
        """One motion of a recording that is whole, its clock starting at zero."""
        if recording.body_digest != body.digest:
            raise InputError(
                f"'{recording.title}' was made for another body file (digest {recording.body_digest[:8]}…) "
                f"than '{body.name}' ({body.digest[:8]}…); name the file that it was made for"
            )
        motion = recording.motions.rows(slice(row, row + 1))
        head = motion.T_world_cpf[0, motion.mask[0]]
        source_s = torch.arange(len(head), dtype=torch.float64) / recording.fps
        whole = Stretch(head, source_s, torch.zeros(len(head), dtype=torch.int64))
        name = f"{recording.title}, {recording.names[row]}"
        return cls.hung(motion, body, [whole], recording.fps, gender, name)

    def parts(self) -> list["BodyTrack"]:
        """Each stretch as a track of its own; several are called `name_1`, `name_2` and so on."""
        if len(self.stretches) == 1:
            return [self]
        return [self._part(number, frames) for number, frames in enumerate(self.stretches, start=1)]

    def stretch_numbers(self) -> Int[Tensor, " frame"]:
        """The number of each frame's stretch, counted from 1 as in the names of files."""
        return torch.cat([torch.full((len(r),), n) for n, r in enumerate(self.stretches, start=1)])

    def posed(self, body: BodyModel) -> PosedBody:
        """The 22 joints of the body in the world, in float64."""
        root = Transform.from_wxyz_xyz(self.T_world_root.double())
        return pose_body(body.shaped(self.betas.double()), self.R_parent_joint.double(), root)

    def root_y_up(self) -> Transform:
        """The pelvis in a world that is y up, as animation tools have it: (x, y, z) becomes (x, z, −y)."""
        turn = torch.tensor([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=torch.float64)
        to_y_up = Transform(turn, torch.zeros(3, dtype=torch.float64))
        return to_y_up @ Transform.from_wxyz_xyz(self.T_world_root.double())

    def _part(self, number: int, frames: range) -> "BodyTrack":
        here = slice(frames.start, frames.stop)
        return replace(
            self,
            name=f"{self.name}_{number}",
            R_parent_joint=self.R_parent_joint[here],
            T_world_root=self.T_world_root[here],
            T_world_cpf=self.T_world_cpf[here],
            contacts=self.contacts[here],
            source_s=self.source_s[here],
            touched=self.touched[here],
            stretches=(range(len(frames)),),
            radius_90_m=None if self.radius_90_m is None else self.radius_90_m[here],
        )
