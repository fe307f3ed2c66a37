"""The body of a recording: the sample nearest to the mean, with one shape and uncertainty bands."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.guidance import GuidanceConfig, guided
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import nearest_rotation
from motiongrpo.head.path import HeadRecording
from motiongrpo.metrics.bands import BandCalibration, spread_m
from motiongrpo.recovery.parts import Part, Place

OVERLAP_S = 1.0  # that two neighbouring pieces of guidance share
PIECE_S = 10.0


@dataclass(frozen=True)
class Recovered:
    """A recovered recording: its motion, one row per frame over all stretches, and how sure it is."""

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
    guidance: GuidanceConfig,
) -> Recovered:
    """The sample nearest to the mean of all, guided, and how sure every joint is."""
    distance, spreads = torch.zeros(pieces.parts[0].betas.shape[0]), []
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
    if guidance.enabled:
        stretches = [guided_in_pieces(s, body, pieces.recording.fps, guidance) for s in stretches]
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


def guided_in_pieces(
    motion: PlacedMotion, body: BodyModel, fps: float, config: GuidanceConfig
) -> PlacedMotion:
    """A long motion guided piece by piece; where two overlap, one fades into the other."""
    frames, piece, shared = motion.mask.shape[1], round(PIECE_S * fps), round(OVERLAP_S * fps)
    if frames <= piece:
        return guided(motion, body, fps, config)
    count = -(-(frames - shared) // (piece - shared))
    starts = [i * (frames - piece) // (count - 1) for i in range(count)]
    R = torch.zeros_like(motion.R_parent_joint)
    for number, start in enumerate(starts):
        part = guided(frames_of(motion, start, start + piece), body, fps, config)
        weight = torch.ones(piece).to(R)
        if number > 0:
            weight = torch.minimum(weight, _rising(piece, starts[number - 1] + piece - start).to(R))
        if number + 1 < count:
            weight = torch.minimum(weight, _rising(piece, start + piece - starts[number + 1]).flip(0).to(R))
        R[:, start : start + piece] += weight[:, None, None, None] * part.R_parent_joint
    return replace(motion, R_parent_joint=nearest_rotation(R))


def _rising(frames: int, shared: int) -> Float[Tensor, " frame"]:
    """From near 0 to 1 over the shared frames, 1 from there on; with its mirror image it sums to one."""
    return (torch.arange(1, frames + 1) / (shared + 1)).clamp(max=1)
