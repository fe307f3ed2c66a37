"""What the log says of an update: rewards, movement of the policy, gradients by noise level."""

from dataclasses import dataclass, field

from motiongrpo.policy.collection import Collected, reward_deviation
from motiongrpo.policy.evidence import Evidence
from motiongrpo.policy.movement import Movement
from motiongrpo.policy.update import Audit, GradientPass


@dataclass(frozen=True)
class GrpoUpdate:
    """The log record of one update. Dictionaries are by reward term or by body part."""

    step: int  # counted from 1
    reward: dict[str, float]  # mean over samples, dropped groups included
    measured: dict[str, float]  # errors in radians, metres, m/s; the perceptual score
    reward_std: dict[str, float]  # within groups
    spread_mm: dict[str, float]
    dropped_share: float
    empty_updates: int  # in a row, this one included, that had no group to learn from: the policy stayed
    gradient_norm: float | None  # of the last pass, before clipping; None where there was no group
    kl_per_dim: float | None  # to the pretrained model, nats, after the update: the mean over trained levels
    audit: Audit | None  # of the first pass
    level: dict[str, dict[str, float]]  # quantity → noise level: gradient norm and `Movement`
    evidence: Evidence | None  # every so many updates
    perceptual_version: int = 0  # of φ: its scores and rewards compare only where this is the same
    refresh: dict[str, float] = field(default_factory=dict)  # of φ before this update: loss, pair accuracy


def record_of(
    update: int,
    collected: Collected,
    empty_updates: int,
    passes: list[GradientPass],
    moved: dict[int, Movement],
) -> GrpoUpdate:
    """The record; without a pass, where there was no group, it has no gradients and no movement."""
    first, last = (passes[0], passes[-1]) if passes else (None, None)
    return GrpoUpdate(
        step=update,
        reward={term: float(r.mean()) for term, r in collected.rewards.items()},
        measured={term: float(m.mean()) for term, m in collected.values.items()},
        reward_std=reward_deviation(collected.rewards),
        spread_mm=collected.spread_mm,
        dropped_share=collected.dropped_share,
        empty_updates=empty_updates,
        gradient_norm=last and last.gradient_norm,
        kl_per_dim=mean_kl(moved) if moved else None,
        audit=first and first.audit,
        level=_by_level(last, moved) if last else {},
        evidence=None,
    )


def mean_kl(moved: dict[int, Movement]) -> float:
    """Nats a dimension, the mean over noise levels; 0 where none has a density."""
    return sum(level.kl_per_dim for level in moved.values()) / max(1, len(moved))


def _by_level(last: GradientPass, moved: dict[int, Movement]) -> dict[str, dict[str, float]]:
    quantities = Movement.__dataclass_fields__
    movements = {name: {str(t): getattr(level, name) for t, level in moved.items()} for name in quantities}
    return {"gradient_norm": last.level_norm, **movements}
