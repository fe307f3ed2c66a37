"""Means over windows with bootstrap intervals over sequences or people (Efron 1979; percentile interval).

Windows of one sequence are alike, so whole sequences are drawn: drawing windows would make the interval too
narrow. Sequences of one person are alike, too: for an interval that holds for other people, subjects are
drawn first, and then sequences of each (the two-stage bootstrap of Davison and Hinkley 1997, §3.8).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from motiongrpo.motion.windows import Spread

CONFIDENCE = 0.95
SUBJECTS_AT_LEAST = 5  # to resample subjects; with fewer, a single subject would dominate

Values = Float[ndarray, "window column"]  # NaN where a value is undefined
Draws = Int[ndarray, "resample sequence"]
PerColumn = Float[ndarray, " column"]
Counts = Int[ndarray, " column"]


@dataclass(frozen=True)
class Estimate:
    """The mean of each column over its defined windows, its 95 % interval, and the counts behind them."""

    mean: PerColumn
    low: PerColumn
    high: PerColumn
    windows: Counts
    sequences: Counts


def draw_sequences(sequences: int, resamples: int, rng: np.random.Generator) -> Draws:
    """How often each sequence occurs in every resample, drawn with replacement, of the same size."""
    return rng.multinomial(sequences, np.full(sequences, 1 / sequences), size=resamples)


def draw_people(owners: ndarray, resamples: int, rng: np.random.Generator) -> Draws:
    """How often each sequence occurs in every resample; `owners` names the subject of each sequence.

    Subjects are drawn with replacement and then, for each, as many sequences as they have. With fewer than
    `SUBJECTS_AT_LEAST`, all subjects are kept and only their sequences drawn: such an interval does not hold
    for other people.
    """
    names, subject = np.unique(owners, return_inverse=True)
    drawn = np.ones((resamples, len(names)), dtype=np.int64)
    if len(names) >= SUBJECTS_AT_LEAST:
        drawn = draw_sequences(len(names), resamples, rng)
    draws = np.zeros((resamples, len(owners)), dtype=np.int64)
    for number in range(len(names)):
        own = np.flatnonzero(subject == number)
        draws[:, own] = rng.multinomial(drawn[:, number] * len(own), np.full(len(own), 1 / len(own)))
    return draws


def draw_over(spread: Spread, owners: ndarray, resamples: int, rng: np.random.Generator) -> tuple[Draws, str]:
    """Resamples of people or sequences, as the evaluation is spread, and a phrase for which were drawn.

    `owners` names the subject of each sequence; with fewer than `SUBJECTS_AT_LEAST` subjects, sequences are
    drawn.
    """
    if spread == "people" and len(set(owners)) >= SUBJECTS_AT_LEAST:
        return draw_people(owners, resamples, rng), "subjects, then their sequences"
    return draw_sequences(len(owners), resamples, rng), "sequences"


def estimate(
    values: Values,
    weights: Float[ndarray, " window"],
    sequence: Int[ndarray, " window"],
    draws: Draws,
) -> Estimate:
    """Weighted means over windows with their intervals; `sequence` gives each window's column in `draws`.

    A resample without any defined window of a column has no mean and is left out. With fewer than two
    sequences, the interval is NaN.
    """
    defined = ~np.isnan(values)
    weight = np.where(defined, weights[:, None], 0)
    total, share = (_sums(part, sequence, draws) for part in (np.where(defined, values, 0) * weight, weight))
    sequences = (_sums(defined, sequence, draws) > 0).sum(0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as intended
        mean = total.sum(0) / share.sum(0)
        resampled = (draws @ total) / (draws @ share)
    interval = np.full((2, values.shape[1]), np.nan)
    tail = (1 - CONFIDENCE) / 2
    for column in np.flatnonzero(sequences >= 2):
        interval[:, column] = np.nanquantile(resampled[:, column], [tail, 1 - tail])
    return Estimate(mean, *interval, windows=defined.sum(0), sequences=sequences)


def _sums(values: ndarray, sequence: ndarray, draws: Draws) -> Float[ndarray, "sequence column"]:
    """The sum of each column over the windows of each sequence."""
    sums = np.zeros((draws.shape[1], values.shape[1]))
    np.add.at(sums, sequence, values)
    return sums
