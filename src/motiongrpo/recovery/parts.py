"""Parts of a recovery: the samples of one chunk of a stretch, kept so that a stop costs one chunk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.base.engine import as_done
from motiongrpo.base.files import replace_file
from motiongrpo.base.npz import DAMAGE
from motiongrpo.base.shapes import Rollout
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recovery import Chunk, chunks_of, recover_chunk, with_frame_before
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.geometry.so3 import matrix_from_quaternion, quaternion_from_matrix
from motiongrpo.head.path import HeadRecording, Stretch


@dataclass(frozen=True)
class Part:
    """The samples of a chunk. Betas are the mean over its frames; quaternions are `wxyz`."""

    made_from: str  # digest of everything that decides what it holds
    betas: Float[Tensor, "sample 16"]
    q_parent_joint: Float[Tensor, "sample frame 21 4"]
    contacts: Float[Tensor, "sample frame 21"]

    @classmethod
    def of(cls, x: Rollout, made_from: str) -> "Part":
        """From packed features of one path."""
        state = MotionState.unpack(x[0])
        q = quaternion_from_matrix(state.body_rotmats)
        return cls(made_from, state.betas.mean(1), q.float(), state.contacts.float())

    def __len__(self) -> int:
        return self.q_parent_joint.shape[1]

    def hung(self, betas: Float[Tensor, "sample 16"], T_world_cpf: Float[Tensor, "frame 7"]) -> PlacedMotion:
        """The samples under their part of the head's path, with the shapes of the whole recording."""
        samples = len(self.q_parent_joint)
        return PlacedMotion(
            betas=betas,
            R_parent_joint=matrix_from_quaternion(self.q_parent_joint),
            contacts=(self.contacts > 0.5).float(),
            T_world_cpf=T_world_cpf.expand(samples, -1, -1),
            mask=torch.ones(samples, len(self), dtype=torch.bool),
        )


@dataclass(frozen=True)
class Place:
    """Where a part belongs: its chunk of a stretch of a recording."""

    recording: str
    stretch: int
    chunk: Chunk

    @property
    def name(self) -> str:
        """The name of its file, below the folder of all parts."""
        return f"{self.recording}/{self.stretch:03d}_{self.chunk.start:07d}"


@dataclass(frozen=True)
class PartFolder:
    """The parts on disk, each read on demand."""

    path: Path

    def get(self, name: str, made_from: str | None = None) -> Part | None:
        """The part of this name; None where there is none, or a damaged one, or one of something else."""
        path = self.path / f"{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = [torch.from_numpy(archive[key]) for key in ("betas", "q_parent_joint", "contacts")]
                part = Part(str(archive["made_from"]), *arrays)
        except DAMAGE:
            return None
        return part if made_from in (None, part.made_from) else None

    def save(self, name: str, part: Part) -> None:
        """Write a part, all or nothing."""
        arrays = {
            "made_from": np.array(part.made_from),
            "betas": part.betas.numpy(),
            "q_parent_joint": part.q_parent_joint.numpy(),
            "contacts": part.contacts.numpy(),
        }

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]

        replace_file(self.path / f"{name}.npz", write)


@dataclass(frozen=True)
class Drawing:
    """How motions are drawn for recordings: by which model, how many, and under which seed."""

    model: TrainedDenoiser
    samples: int
    seed: int
    longest_s: float  # of a chunk

    def places(self, recordings: dict[str, HeadRecording]) -> list[Place]:
        """Every chunk of every stretch, in order."""
        usage = self.model.usage
        longest = max(usage.plan.length, round(self.longest_s * usage.fps))
        return [
            Place(name, number, chunk)
            for name, recording in recordings.items()
            for number, stretch in enumerate(recording.stretches)
            for chunk in chunks_of(len(stretch), usage.plan, usage.sampling.sampler, longest)
        ]

    def made_from(self, stretch: Stretch, place: Place) -> str:
        """A digest of everything that decides the samples of a chunk."""
        path = digest_of(stretch.T_world_cpf.numpy().tobytes().hex())
        usage = self.model.usage.model_dump(mode="json")
        bounds = [place.stretch, place.chunk.start, place.chunk.stop]
        return digest_of(path, self.model.weights, usage, self.samples, self.seed, bounds)

    def missing(self, recordings: dict[str, HeadRecording], done: PartFolder) -> list[Place]:
        """The chunks whose samples are not there yet."""
        return [
            place
            for place in self.places(recordings)
            if done.get(place.name, self.made_from(_stretch(recordings, place), place)) is None
        ]

    def draw(self, recordings: dict[str, HeadRecording], places: list[Place]) -> Iterator[tuple[str, Part]]:
        """The samples of these chunks, by name, as they are done."""
        chunks = ((place.name, (place, _stretch(recordings, place))) for place in places)
        device = next(self.model.denoiser.parameters()).device
        return as_done(Drawing.part, self, chunks, device.type)

    def part(self, chunk: tuple[Place, Stretch]) -> Part:
        """The samples of one chunk, of this stretch."""
        place, stretch = chunk
        path = with_frame_before(stretch.T_world_cpf).to(next(self.model.denoiser.parameters()))
        x = recover_chunk(self.model, path, place.chunk, self.samples, self.seed, place.stretch)
        return Part.of(x.cpu(), self.made_from(stretch, place))


def _stretch(recordings: dict[str, HeadRecording], place: Place) -> Stretch:
    return recordings[place.recording].stretches[place.stretch]
