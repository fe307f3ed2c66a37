"""The usefulness of a rollout's variance, by reward term: its causes, and the signal of its gradients.

For one window, Var(r) = Var_c̃(E[r | c̃]) + E_c̃[Var(r | c̃)]: the first is caused by the perturbed condition,
so no action earned it. Telling them apart takes several actions under each of several perturbed conditions: a
small extra rollout. It draws from a generator of its own, so training is the same with and without it.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.shapes import PerSample
from motiongrpo.policy.advantage import variance_split
from motiongrpo.policy.rollout import RolloutConfig, Rollouts
from motiongrpo.policy.signal import Signal

Item = TypeVar("Item")


class DiagnosticsConfig(Config):
    """How much of an update is spent on diagnostics."""

    samples: int = Field(ge=1)  # of one group, on which the movement of every update is measured
    every: int | None = Field(ge=1)  # updates between two measurements of signal and variance
    levels: int = Field(ge=1)  # trained levels on which the terms' own gradients are compared
    conditions: int = Field(ge=1)  # windows of the rollout that splits the variance of rewards
    tracks: int = Field(ge=2)  # perturbed head paths a window
    actions: int = Field(ge=2)  # samples under each of them


@dataclass(frozen=True)
class Evidence:
    """Signal and variance before one update; dictionaries are by noise level or by reward term."""

    gradient_cosine: float | None  # of two halves of the groups
    level_cosine: dict[str, float | None]
    term_cosine: dict[str, float | None]  # of the term's own gradient, over some of the trained levels
    term_norm: dict[str, float]
    condition_variance: dict[str, float]  # of each reward; unbiased, so below zero now and then
    action_variance: dict[str, float]


def evidence(
    levels: dict[str, Signal], terms: dict[str, Signal], rewards: dict[str, PerSample], tracks: int
) -> Evidence:
    """The record of the signals, and of the rewards (window, track and action) of the extra rollout."""
    split = {term: condition_and_action(reward, tracks) for term, reward in rewards.items()}
    cosine = {level: signal.cosine for level, signal in levels.items()}
    return Evidence(
        gradient_cosine=cosine.pop("all"),
        level_cosine=cosine,
        term_cosine={term: signal.cosine for term, signal in terms.items()},
        term_norm={term: signal.norm for term, signal in terms.items()},
        condition_variance={term: float(condition.mean()) for term, (condition, _) in split.items()},
        action_variance={term: float(action.mean()) for term, (_, action) in split.items()},
    )


def condition_and_action(
    reward: PerSample, tracks: int
) -> tuple[Float[Tensor, " condition"], Float[Tensor, " condition"]]:
    """Variance of each window's rewards that the perturbed condition caused, and that the action caused."""
    return variance_split(reward.unflatten(1, (tracks, -1)))


def splitting(chain: RolloutConfig, tracks: int, actions: int) -> RolloutConfig:
    """A rollout like that of `chain`, but with several actions under each of several tracks."""
    noise = chain.noise.model_copy(update={"scope": "nested", "tracks": tracks})
    return chain.model_copy(update={"noise": noise, "group_size": tracks * actions})


def some_levels(rollouts: Rollouts, count: int) -> Rollouts:
    """At most `count` of the trained steps, evenly spaced."""
    return replace(rollouts, steps=evenly(rollouts.steps, count))


def evenly(items: list[Item], count: int) -> list[Item]:
    """The middles of `count` equal strata; all items where they are not more."""
    if len(items) <= count:
        return items
    return [items[int((k + 0.5) * len(items) / count)] for k in range(count)]
