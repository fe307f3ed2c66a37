"""The cells of the diversity study: sampler, initial noise and condition noise."""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

from pydantic import Field, model_validator

from motiongrpo.base.config import Config
from motiongrpo.diffusion.sampler import Sampler, SamplingConfig
from motiongrpo.policy.perlin import NoiseConfig
from motiongrpo.policy.rollout import RolloutConfig

Latent = Literal["own", "shared"]
Scope = Literal["group", "nested", "sample"]


class CellsConfig(Config):
    """The factors of the cells; the first sampler with the first latent is the main chain."""

    design: Literal["star", "full"]  # every λ on the main chain and one λ on the others; or every λ on all
    samplers: list[Sampler] = Field(min_length=1)
    latents: list[Latent] = Field(min_length=1)
    scopes: list[Scope] = Field(min_length=1)
    amplitudes_m: list[float] = Field(min_length=1)  # λ of Perlin noise
    central_m: float  # λ of white noise, and of Perlin noise on the other chains of a star
    spacing_frames: float = Field(gt=0)
    octaves: int = Field(ge=1)

    @model_validator(mode="after")
    def know_the_centre(self) -> "CellsConfig":
        if self.central_m not in self.amplitudes_m:
            raise ValueError(f"central_m must be one of amplitudes_m, got {self.central_m}")
        return self


class DiversityConfig(Config):
    """The measurements of every cell, and the checkpoint that is measured."""

    checkpoint: Literal["pretrained_denoiser", "policy"]
    cells: CellsConfig
    pools: int = Field(ge=2)  # independent updates, measured but not made; intervals are over pools
    conditions: int = Field(ge=1)  # groups per pool
    group_size: int = Field(ge=4)
    tracks: int = Field(ge=2)  # of nested noise, and for splitting the variance of noise per sample
    steps: int = Field(ge=6, le=30)  # EgoAllo's σ needs at least this many
    trained_steps: int = Field(ge=1)  # evenly spaced among the eligible ones
    lowest_level: int = Field(ge=1, le=1000)
    resamples: int = Field(ge=100)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def share_tracks_evenly(self) -> "DiversityConfig":
        if self.group_size % self.tracks or self.group_size == self.tracks:
            raise ValueError(
                f"tracks must divide group_size {self.group_size} and be less, got {self.tracks}"
            )
        return self


@dataclass(frozen=True)
class Cell:
    """One way to draw a group."""

    sampler: Sampler
    latent: Latent
    noise: Literal["none", "perlin", "white"]
    scope: Scope
    amplitude_m: float

    @property
    def name(self) -> str:
        """The cell's name, such as `ddim-own-perlin-group-0.02`, or `ddim-own-none`."""
        noise = f"{self.noise}-{self.scope}-{self.amplitude_m:g}" if self.noise != "none" else "none"
        return f"{self.sampler}-{self.latent}-{noise}"

    def facts(self) -> dict[str, Any]:
        """The factors that distinguish cells; without noise there is no scope."""
        return asdict(self) | ({"scope": ""} if self.noise == "none" else {})

    def rollout(self, config: DiversityConfig) -> RolloutConfig:
        """The settings of the rollouts of the cell's groups."""
        noise = NoiseConfig(
            kind=self.noise,
            scope=self.scope,
            tracks=config.tracks,
            amplitude_m=self.amplitude_m,
            spacing_frames=config.cells.spacing_frames,
            octaves=config.cells.octaves,
        )
        return RolloutConfig(
            conditions=config.conditions,
            conditions_at_once=config.conditions,
            group_size=config.group_size,
            initial_noise=self.latent,
            trained_steps=config.trained_steps,
            lowest_level=config.lowest_level,
            noise=noise,
            sampling=SamplingConfig(steps=config.steps, eta=1.0, sampler=self.sampler, deterministic_below=0),
        )


def without_noise(sampler: Sampler, latent: Latent) -> Cell:
    """The cell of the same chain under the true condition."""
    return Cell(sampler, latent, "none", "group", 0.0)


def cells(config: CellsConfig) -> list[Cell]:
    """All cells of the design, the main chain first."""
    design: list[Cell] = []
    for number, chain in enumerate(product(config.samplers, config.latents)):
        central = number > 0 and config.design == "star"
        design.append(without_noise(*chain))
        amplitudes = [config.central_m] if central else config.amplitudes_m
        design += [Cell(*chain, "perlin", scope, m) for scope, m in product(config.scopes, amplitudes)]
        if not central:
            design += [Cell(*chain, "white", scope, config.central_m) for scope in config.scopes]
    return design
