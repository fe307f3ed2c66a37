"""The body of a recording: one sample that stands for all, of one shape throughout, with a band of doubt."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.head.path import HeadRecording
from motiongrpo.metrics.bands import BandCalibration, spread_m
from motiongrpo.recovery.parts import Part, Place


@dataclass(frozen=True)
class Recovered:
    """What a recording became: its motion, a row a frame over all stretches, and how sure it is."""

    recording: HeadRecording
    motion: PlacedMotion  # one row
    sample: int  # which of the samples it is
    samples: int
    radius_90_m: Float[Tensor, "frame 22"] | None  # none where no bands were calibrated for this model


@dataclass(frozen=True)
class Pieces:
    """The parts of one recording in the order of time, with the paths they hang from."""

    recording: HeadRecording
    places: list[Place]
    parts: list[Part]

    def shapes(self) -> Float[Tensor, "sample 16"]:
        """The betas of every sample: the mean over all frames, since a person has one shape."""
        frames = torch.tensor([float(len(part)) for part in self.parts])
        betas = torch.stack([part.betas for part in self.parts])
        return (betas * frames[:, None, None]).sum(0) / frames.sum()

    def hung(self) -> Iterator[PlacedMotion]:
        """The samples of every part under their path."""
        betas = self.shapes()
        for place, part in zip(self.places, self.parts, strict=True):
            path = self.recording.stretches[place.stretch].T_world_cpf
            yield part.hung(betas, path[place.chunk.start : place.chunk.stop])


def recovered(
    pieces: Pieces,
    body: BodyModel,
    calibration: BandCalibration | None,
) -> Recovered:
    """The sample nearest to the mean of all, and how sure every joint is."""
    distance, spreads, chosen = torch.zeros(pieces.parts[0].betas.shape[0]), [], []
    for motions in pieces.hung():
        joints = motions.posed(body)[1].p_world_joint[..., :BODY_JOINTS, :]
        spreads.append(spread_m(joints))
        distance += (joints - joints.mean(0)).norm(dim=-1).mean(-1).sum(-1)
    sample = int(distance.argmin())
    chosen = [motions.rows(slice(sample, sample + 1)) for motions in pieces.hung()]
    of_stretch: dict[int, list[PlacedMotion]] = {}
    for motion, place in zip(chosen, pieces.places, strict=True):
        of_stretch.setdefault(place.stretch, []).append(motion)
    stretches = [along(motions) for motions in of_stretch.values()]
    radius = None
    if calibration is not None:
        calibration.demand_samples(len(distance))
        radius = calibration.bands.radius_m(torch.cat(spreads), 0.9)
    return Recovered(pieces.recording, along(stretches), sample, len(distance), radius)


def along(motions: list[PlacedMotion]) -> PlacedMotion:
    """Motions of one body one after the other in time."""
    fields = ("R_parent_joint", "contacts", "T_world_cpf", "mask")
    joined = {name: torch.cat([getattr(motion, name) for motion in motions], dim=1) for name in fields}
    return replace(motions[0], **joined)


def frames_of(motion: PlacedMotion, start: int, stop: int) -> PlacedMotion:
    """The frames [start, stop) of a motion."""
    fields = ("R_parent_joint", "contacts", "T_world_cpf", "mask")
    return replace(motion, **{name: getattr(motion, name)[:, start:stop] for name in fields})
