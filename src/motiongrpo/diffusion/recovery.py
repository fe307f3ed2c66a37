"""From a head path of any length to bodies, in chunks that need no more memory for an hour than for a minute.

Windows stand on one grid over the whole path, and noise is addressed by frame, so that a chunk denoises what
the whole would have denoised there. An estimate depends on the frames of the windows around it, and reaches
one window further with each step. A chunk therefore includes `MARGIN` extra windows on either side, beyond
which the influence is far below a millimetre.
"""

import itertools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.shapes import Rollout
from motiongrpo.diffusion.path_sampling import sample_windows, windows_of
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.diffusion.window_blend import Window, WindowPlan
from motiongrpo.geometry.se3 import Transform

MARGIN = 4  # windows
NOISE_BLOCK = 64  # frames that share a generator
UNIT_NORM = 1e-3

HeadPath = Float[Tensor, "frame_and_one 7"]


@dataclass(frozen=True)
class Chunk:
    """Frames [start, stop) of a path, which are kept, and the windows that are denoised for them."""

    start: int
    stop: int
    windows: tuple[Window, ...]  # with the whole path's frame numbers


@dataclass(frozen=True)
class FrameNoise:
    """Standard normal numbers for the frames [start, stop), independent of other requested frames."""

    generators: tuple[torch.Generator, ...]  # one a block
    samples: int
    features: int
    before: int  # frames of the first block that are left out
    frames: int

    @classmethod
    def over(cls, start: int, stop: int, shape: tuple[int, int], seed: int, *address: str | int):
        """For `shape` = (samples, features) under an address; every call draws the next numbers."""
        blocks = range(start // NOISE_BLOCK, (stop - 1) // NOISE_BLOCK + 1)
        generators = tuple(generator_for(seed, *address, block) for block in blocks)
        return cls(generators, *shape, start % NOISE_BLOCK, stop - start)

    def __call__(self, like: Rollout) -> Rollout:
        shape = (self.samples, NOISE_BLOCK, self.features)
        drawn = torch.cat([torch.randn(shape, generator=g) for g in self.generators], dim=1)
        return drawn[None, :, self.before : self.before + self.frames].to(like)


def chunks_of(frames: int, plan: WindowPlan, sampler: str, longest: int) -> list[Chunk]:
    """A path of `frames` frames in chunks of equal length, none of them longer than `longest` frames."""
    windows = windows_of(frames, plan, sampler)
    count = -(-frames // longest)
    edges = [i * frames // count for i in range(count + 1)]
    margin = MARGIN * plan.length
    parts = []
    for start, stop in itertools.pairwise(edges):
        near = [w for w in windows if w.stop > start - margin and w.start < stop + margin]
        parts.append(Chunk(start, stop, tuple(_shares_of_one(near))))
    return parts


@torch.no_grad()
def recover_chunk(
    model: TrainedDenoiser,
    T_world_cpf: HeadPath,
    chunk: Chunk,
    samples: int,
    seed: int,
    *address: str | int,
) -> Rollout:
    """So many motions of the frames of a chunk, as packed features (1, sample, frame, feature)."""
    first, last = chunk.windows[0].start, max(window.stop for window in chunk.windows)
    here = [replace(w, start=w.start - first, stop=w.stop - first) for w in chunk.windows]
    path = T_world_cpf[None, first : last + 1]
    shape = (samples, model.denoiser.features)
    noise = FrameNoise.over(first, last, shape, seed, "recovery", *address)
    x = sample_windows(model.denoiser, path, samples, model.usage.sampling, here, noise)
    return x[:, :, chunk.start - first : chunk.stop - first]


def recover(
    model: TrainedDenoiser, T_world_cpf: Tensor, samples: int, seed: int, longest: int = 1800
) -> PlacedMotion:
    """Motions under one head path (frame, 7), floor at z = 0; its first frame itself gets no body.

    Windows and sampler are those of the checkpoint. Quaternions are `wxyz`, positions metres, z up, at
    `model.usage.fps` frames a second. InputError where the path is not finite, not unit or too short.
    """
    demand_head_path(T_world_cpf)
    path = T_world_cpf.to(next(model.denoiser.parameters()))
    chunks = chunks_of(len(path) - 1, model.usage.plan, model.usage.sampling.sampler, longest)
    x = torch.cat([recover_chunk(model, path, chunk, samples, seed) for chunk in chunks], dim=2)[0]
    head = path[1:].expand(samples, -1, -1)
    return PlacedMotion.sampled(x, head, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))


def with_frame_before(T_world_cpf: Float[Tensor, "frame 7"]) -> HeadPath:
    """The path with one frame in front, extrapolated from its first step, so that no frame is lost."""
    now, then = (Transform.from_wxyz_xyz(T_world_cpf[i]) for i in (0, 1))
    before = now @ (now.inverse() @ then).inverse()
    return torch.cat([before.wxyz_xyz()[None], T_world_cpf])


def demand_head_path(T_world_cpf: Tensor) -> None:
    """Raise InputError unless it is a path: two poses at least, finite, with unit quaternions in front."""
    shape = tuple(T_world_cpf.shape)
    if len(shape) != 2 or shape[1] != 7 or shape[0] < 2:
        raise InputError(
            f"a head path has shape (frames, 7), quaternion wxyz then position, and two frames at least, "
            f"got {shape}; motiongrpo.head reads the files of headsets"
        )
    bad = ~T_world_cpf.isfinite().all(dim=1)
    if bool(bad.any()):
        raise InputError(
            f"the head path is not finite at frame {int(bad.nonzero()[0])}; leave such rows out and "
            "interpolate, as motiongrpo.head does"
        )
    norm = T_world_cpf[:, :4].norm(dim=1)
    if bool((off := (norm - 1).abs() > UNIT_NORM).any()):
        frame = int(off.nonzero()[0])
        raise InputError(
            f"the quaternion of frame {frame} of the head path has norm {float(norm[frame]):.4g}; the first "
            "four numbers are a unit quaternion wxyz, the last three metres"
        )


def _shares_of_one(windows: list[Window]) -> list[Window]:
    """The windows with shares that sum to one in every frame, also where neighbours were left out."""
    first = windows[0].start
    total = torch.zeros(max(w.stop for w in windows) - first, dtype=torch.float64)
    for w in windows:
        total[w.start - first : w.stop - first] += w.share
    return [replace(w, share=w.share / total[w.start - first : w.stop - first]) for w in windows]
