"""Rollouts: groups of motions sampled under one head path, into which noise may be injected.

A group has `tracks` perturbed head paths and the same number of samples under each. Rows of a rollout
are (group, track) pairs, so tensors are shaped (row, sample, …) and a group lives whole in one place.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.config import Config
from motiongrpo.base.shapes import FrameMask, PerRowSample, PerSample, Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import (
    PredictCleanMotion,
    SamplingConfig,
    predictor,
    reverse_chain,
    reverse_step,
)
from motiongrpo.diffusion.schedule import squared_levels
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.perlin import NoiseConfig, noise_tracks


class RolloutConfig(Config):
    """How groups are sampled, and which steps of their chains are trained."""

    conditions: int = Field(ge=1)  # groups an update
    conditions_at_once: int = Field(ge=1)  # groups the network sees together: bounds memory, no result
    group_size: int = Field(ge=2)  # one sample alone has no spread, hence no advantage
    initial_noise: Literal["shared", "own"]  # x_T within a group
    trained_steps: int = Field(ge=1)  # a stratified subset of those that qualify
    lowest_level: int = Field(ge=1, le=1000)  # of a trained step; below it gradients are mostly noise
    noise: NoiseConfig
    sampling: SamplingConfig

    @model_validator(mode="after")
    def share_tracks_evenly(self) -> "RolloutConfig":
        _ = self.tracks
        return self

    @property
    def tracks(self) -> int:
        """Perturbed head paths a group: 1, G, or the number of nested tracks, which must divide G."""
        tracks = {"group": 1, "sample": self.group_size, "nested": self.noise.tracks}[self.noise.scope]
        if self.group_size % tracks:
            raise ValueError(
                f"group_size must be a multiple of noise.tracks, got {self.group_size} and {tracks}"
            )
        if self.noise.scope == "nested" and tracks == self.group_size:
            raise ValueError(f"noise.tracks must leave two samples a track to compare, got {tracks}")
        return tracks

    def compared(self, values: PerSample) -> PerRowSample:
        """Values of (group, sample) in rows of what is compared: a track if noise is nested, else a group."""
        if self.noise.scope == "nested":
            return values.unflatten(1, (self.tracks, -1)).flatten(0, 1)
        return values


@dataclass(frozen=True)
class TrainedStep(Batched):
    """One stochastic step of the sampling chains, kept for the update."""

    t: int
    gain: float  # a/σ of the step as it was taken; infinite at the last, which has no density
    x_t: Rollout
    x_0: Rollout  # the rollout policy's estimate
    noise: Rollout  # (x_s − μ) / σ


@dataclass(frozen=True)
class Rollouts:
    """Samples of a policy for a batch of windows."""

    batch: WindowBatch
    tracks: int  # perturbed head paths a group
    rows_at_once: int  # that the network saw together: whole groups
    T_world_cpf: Float[Tensor, "row frame_and_one 7"]  # perturbed, as the policy saw it
    condition: Float[Tensor, "row frame encoded"]
    x: Rollout  # the motions, (row, sample, frame, feature)
    steps: list[TrainedStep]

    @property
    def mask(self) -> FrameMask:
        """Real frames of each row."""
        return self.batch.mask.repeat_interleave(self.tracks, 0)

    def groups(self, which: Bool[Tensor, " condition"]) -> "Rollouts":
        """The groups that a mask selects, with all of their rows."""
        return self._part(self.batch.rows(which), which.repeat_interleave(self.tracks))

    def few(self, samples: int) -> "Rollouts":
        """At most so many samples of the first group, from as many of its tracks as that needs."""
        tracks = min(self.tracks, max(1, samples // self.x.shape[1]))
        part = replace(self._part(self.batch.rows(torch.arange(1)), slice(0, tracks)), tracks=tracks)
        steps = [step.rows((slice(None), slice(0, samples))) for step in part.steps]
        return replace(part, x=part.x[:, :samples], steps=steps)

    def halves(self) -> list[list[tuple[slice, "Rollouts"]]]:
        """The first and the second half of the groups, each in parts; one list where there is one group."""
        middle = len(self.batch) // 2 * self.tracks
        both = (slice(0, middle), slice(middle, len(self.x)))
        return [list(self._parts_of(rows)) for rows in both if rows.start < rows.stop]

    def parts(self) -> Iterator[tuple[slice, "Rollouts"]]:
        """As many whole groups as the network saw together, with their rows; nothing large is copied."""
        return self._parts_of(slice(0, len(self.x)))

    def _parts_of(self, all_rows: slice) -> Iterator[tuple[slice, "Rollouts"]]:
        for part in row_parts(all_rows.stop - all_rows.start, self.rows_at_once):
            rows = slice(all_rows.start + part.start, all_rows.start + part.stop)
            groups = torch.arange(len(self.batch))[rows.start // self.tracks : rows.stop // self.tracks]
            yield rows, self._part(self.batch.rows(groups), rows)

    def _part(self, batch: WindowBatch, rows: Tensor | slice) -> "Rollouts":
        return replace(
            self,
            batch=batch,
            T_world_cpf=self.T_world_cpf[rows],
            condition=self.condition[rows],
            x=self.x[rows],
            steps=[step.rows(rows) for step in self.steps],
        )

    @staticmethod
    def concatenate(parts: "list[Rollouts]") -> "Rollouts":
        """Several rollouts of one configuration as one."""
        return replace(
            parts[0],
            batch=WindowBatch.concatenate([part.batch for part in parts]),
            T_world_cpf=torch.cat([part.T_world_cpf for part in parts]),
            condition=torch.cat([part.condition for part in parts]),
            x=torch.cat([part.x for part in parts]),
            steps=[TrainedStep.concatenate(step) for step in zip(*(p.steps for p in parts), strict=True)],
        )

    def placement(self, kind: Literal["true", "perturbed"]) -> Float[Tensor, "condition sample frame 7"]:
        """The head path that places each sample's body for judgement."""
        paths = (
            self.batch.T_world_cpf.repeat_interleave(self.tracks, 0) if kind == "true" else self.T_world_cpf
        )
        return self.grouped(paths[:, None, 1:].expand(-1, self.x.shape[1], -1, -1))

    def by_group(self) -> Rollout:
        """The motions shaped (group, sample of the group, frame, feature)."""
        return self.grouped(self.x)

    def grouped(
        self, values: Float[Tensor, "row sample_of_row *rest"]
    ) -> Float[Tensor, "group sample *rest"]:
        """Values of (row, sample of the row) shaped (group, sample of the group)."""
        return values.unflatten(0, (-1, self.tracks)).flatten(1, 2)


def perturbed_paths(
    batch: WindowBatch, config: RolloutConfig, generator: torch.Generator
) -> Float[Tensor, "row frame_and_one 7"]:
    """H̃ = {R, τ + λ P}: the head paths of each group with noise on their translation alone."""
    T_world_cpf = batch.T_world_cpf.repeat_interleave(config.tracks, 0)
    tracks, frames = T_world_cpf.shape[:2]
    displacement = noise_tracks(tracks, frames, config.noise, generator).to(T_world_cpf)
    return torch.cat([T_world_cpf[..., :4], T_world_cpf[..., 4:] + displacement], dim=-1)


def trainable_steps(config: RolloutConfig) -> list[tuple[int, int]]:
    """The steps (t, s) a policy gradient may use: those with a density, from the lowest level up."""
    lowest = config.sampling.deterministic_below
    return [(t, s) for t, s in estimated_steps(config) if s > 0 and t >= lowest]


def estimated_steps(config: RolloutConfig) -> list[tuple[int, int]]:
    """The steps (t, s) whose clean estimates may be credited: from the lowest level up, the last one too."""
    levels = squared_levels(config.sampling.steps)
    return [(t, s) for t, s in itertools.pairwise(levels) if t >= config.lowest_level]


def stratified_subset(
    steps: list[tuple[int, int]], count: int, generator: torch.Generator
) -> list[tuple[int, int]]:
    """`count` of the steps, one from each of as many equal strata; all of them if they are not more.

    One draw places all of them, so none comes twice and each is as likely as any other.
    """
    if len(steps) <= count:
        return steps
    u = float(torch.rand((), generator=generator, device=generator.device))
    return [steps[int((k + u) * len(steps) / count)] for k in range(count)]


@torch.no_grad()
def roll_out(
    policy: Denoiser,
    batch: WindowBatch,
    config: RolloutConfig,
    trained: list[tuple[int, int]],
    generator: torch.Generator,
) -> Rollouts:
    """Sample a group of motions for every window, keeping the steps of `trained`."""
    T_world_cpf = perturbed_paths(batch, config, generator)
    return roll_out_under(T_world_cpf, policy, batch, config, trained, generator)


@torch.no_grad()
def roll_out_under(
    T_world_cpf: Float[Tensor, "row frame_and_one 7"],
    policy: Denoiser,
    batch: WindowBatch,
    config: RolloutConfig,
    trained: list[tuple[int, int]],
    generator: torch.Generator,
) -> Rollouts:
    """Sample groups under head paths that are perturbed already, one a row."""
    condition = policy.condition(T_world_cpf)
    mask = batch.mask.repeat_interleave(config.tracks, 0)
    features = policy.features
    rows_at_once = config.conditions_at_once * config.tracks
    predict = predictor_in_parts(policy, condition, mask, rows_at_once)
    x, kept = initial_noise(batch, features, config, generator), []
    for step in reverse_chain(predict, x, config.sampling, generator):
        x = step.x_s
        if (step.t, step.s) in trained:
            gain = float(reverse_step(step.t, step.s, config.sampling).sensitivity)
            kept.append(TrainedStep(step.t, gain, step.x_t, step.x_0, step.noise))
    return Rollouts(batch, config.tracks, rows_at_once, T_world_cpf, condition, x, kept)


def estimate(model: Denoiser, rollouts: Rollouts, step: TrainedStep) -> Rollout:
    """A network's x̂_0 of the states that a step of the chains began from."""
    mask = rollouts.mask
    t = torch.full((len(mask),), step.t, device=mask.device)
    return model(step.x_t, t, rollouts.condition, None if bool(mask.all()) else mask)


def row_parts(rows: int, at_once: int) -> list[slice]:
    """Neighbouring rows, `at_once` of them together; the last part may be smaller."""
    return [slice(first, min(first + at_once, rows)) for first in range(0, rows, at_once)]


def predictor_in_parts(
    policy: Denoiser,
    condition: Float[Tensor, "row frame encoded"],
    mask: Bool[Tensor, "row frame"],
    rows_at_once: int,
) -> PredictCleanMotion:
    """A policy with its condition bound, evaluated on a limited number of rows at a time."""
    parts = row_parts(len(mask), rows_at_once)
    predictors = [(rows, predictor(policy, condition[rows], mask[rows])) for rows in parts]
    return lambda x_t, t: torch.cat([predict(x_t[rows], t[rows]) for rows, predict in predictors])


def initial_noise(
    batch: WindowBatch, features: int, config: RolloutConfig, generator: torch.Generator
) -> Rollout:
    """x_T of every sample; `shared` starts all samples of a group from the same one, as the paper does."""
    groups, frames = batch.mask.shape
    own = 1 if config.initial_noise == "shared" else config.group_size
    x_T = torch.randn(groups, own, frames, features, generator=generator, device=generator.device)
    x_T = x_T.to(batch.betas).expand(-1, config.group_size, -1, -1)
    return x_T.unflatten(1, (config.tracks, -1)).flatten(0, 1).contiguous()
