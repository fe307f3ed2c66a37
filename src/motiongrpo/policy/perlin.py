"""Smooth noise for the head's path: gradient noise on a one-dimensional lattice (Perlin 1985, 2002).

Between two lattice points the noise blends the two lines that leave them, n(u) = (1−f) g₀ u + f g₁ (u−1),
with the quintic fade f = 6u⁵ − 15u⁴ + 10u³, so it is twice continuously differentiable and zero on the
lattice. Gradients are standard normal, and the result is divided by its root mean square.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config

RMS = (535 / 9009) ** 0.5
"""Of n over a cell, for unit gradients: the root of 2 ∫₀¹ (1−f)² u² du."""


class NoiseConfig(Config):
    """What is added to the head's translation while rolling out."""

    kind: Literal["perlin", "white", "none"]
    scope: Literal["group", "sample", "nested"]  # who shares a noise track
    tracks: int = Field(ge=1)  # per group, where the scope is nested
    amplitude_m: float = Field(ge=0)  # λ: root mean square along each axis
    spacing_frames: float = Field(gt=0)  # of the lattice
    octaves: int = Field(ge=1)


def gradient_noise(
    position: Float[Tensor, "*batch frame"], gradients: Float[Tensor, "*batch lattice"]
) -> Float[Tensor, "*batch frame"]:
    """n at positions measured in cells; `gradients` are given at the lattice points 0, 1, 2, …"""
    cell = position.floor()
    u = position - cell
    fade = u**3 * (u * (6 * u - 15) + 10)
    left = gradients.gather(-1, cell.long()) * u
    right = gradients.gather(-1, cell.long() + 1) * (u - 1)
    return (1 - fade) * left + fade * right


def perlin_tracks(
    tracks: int, frames: int, config: NoiseConfig, generator: torch.Generator
) -> Float[Tensor, "track frame 3"]:
    """Independent noise on three axes with root mean square one; each octave halves spacing and height."""
    total = torch.zeros(tracks, 3, frames, device=generator.device)
    for octave in range(config.octaves):
        spacing = config.spacing_frames / 2**octave
        lattice = int(frames / spacing) + 3
        shape = {"generator": generator, "device": generator.device}
        phase = torch.rand(tracks, 3, 1, **shape)  # or the noise would vanish in the same frames always
        gradients = torch.randn(tracks, 3, lattice, **shape)
        position = torch.arange(frames, device=generator.device) / spacing + phase
        total = total + gradient_noise(position, gradients) * 0.5**octave
    power = sum(0.25**octave for octave in range(config.octaves))
    return (total / (RMS * power**0.5)).transpose(1, 2)


def noise_tracks(
    tracks: int, frames: int, config: NoiseConfig, generator: torch.Generator
) -> Float[Tensor, "track frame 3"]:
    """Displacements in metres with root mean square λ along each axis; zeros where there is no noise."""
    if config.kind == "none":
        return torch.zeros(tracks, frames, 3, device=generator.device)
    if config.kind == "white":
        noise = torch.randn(tracks, frames, 3, generator=generator, device=generator.device)
    else:
        noise = perlin_tracks(tracks, frames, config, generator)
    return config.amplitude_m * noise
