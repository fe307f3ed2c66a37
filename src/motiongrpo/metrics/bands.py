"""Bands: balls around every joint of a recovered body that contain the true joint with a stated probability.

The distance between a denoiser's samples is a poor measure of their distance from the truth, which is several
times larger. The radius of a band is therefore fitted to errors on motion that the model was not trained on,
by split conformal prediction with a score in units of a predicted error (Vovk et al. 2005, "Algorithmic
Learning in a Random World"; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", §5.2):

    radius = quantile · (offset + slope · spread)

with offset and slope of each joint by least squares, and the quantile by level and joint. The guarantee
requires exchangeable errors, and those of several people are not: all frames of one person are alike, and a
new person differs from all others. So every person has the same weight, and the quantile is raised until
bands fitted without a person contain their share of that person's joints, on average over people (the
leave-one-group-out residuals of cross-conformal prediction; Barber et al. 2021, "Predictive Inference with
the Jackknife+"). This holds for people on average, not for each.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from scipy.optimize import nnls
from scipy.stats import chi
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.shapes import FrameMask
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan

LEVELS = (0.5, 0.8, 0.9, 0.95)  # nominal shares of joints inside the bands
SMALLEST_M = 1e-4  # floor of the predicted error, which is divided by: less than 0.1 mm means nothing

Samples = Float[Tensor, "*batch sample frame joint 3"]
PerJoint = Float[Tensor, "*batch frame joint"]


class BandConfig(Config):
    """The motion that bands are calibrated and checked on, and when a joint counts as a guess."""

    stretches: int = Field(ge=1)  # of the validation split and also of the test split; spread over people
    samples: int = Field(ge=2)  # motions per stretch, and of every recovery with these bands
    guess_m: float = Field(gt=0)  # a joint is a guess where its 90 % radius is larger


@dataclass(frozen=True)
class JudgedSamples(Batched):
    """For every joint, the spread of samples and the distance of the chosen one from the truth."""

    error_m: Float[Tensor, "stretch frame joint"]
    spread_m: Float[Tensor, "stretch frame joint"]
    mask: Bool[Tensor, "stretch frame"]
    person: Int[Tensor, " stretch"]  # the person's number
    sequence: Int[Tensor, " stretch"]

    @property
    def weight(self) -> Float[Tensor, "stretch frame"]:
        """Weights of frames: equal for the frames of a person, with sum 1 for each, zero in the padding."""
        real = self.mask.double()
        frames = torch.zeros(int(self.person.max()) + 1, dtype=real.dtype)
        frames.index_add_(0, self.person, real.sum(1))
        return real / frames[self.person][:, None]


class JointBands(Config):
    """The parameters of the radius: offset and slope by joint, and the quantile by level and joint."""

    levels: tuple[float, ...]
    offset_m: tuple[float, ...]
    slope: tuple[float, ...]
    quantile: tuple[tuple[float, ...], ...]

    def radius_m(self, spread_m: PerJoint, level: float) -> PerJoint:
        """The radius, in metres, of the ball that contains a share `level` of true joints."""
        if level not in self.levels:
            known = ", ".join(f"{known:g}" for known in self.levels)
            raise InputError(f"level must be one that the bands were calibrated for ({known}), got {level:g}")
        quantile = spread_m.new_tensor(self.quantile[self.levels.index(level)])
        return quantile * predicted_error_m(
            spread_m, spread_m.new_tensor(self.offset_m), spread_m.new_tensor(self.slope)
        )


class BandCalibration(Config):
    """Bands, and what they were calibrated on: they are valid for these weights, sampled in this way."""

    weights: str  # digest of the checkpoint's weights
    samples: int = Field(ge=2)
    sampling: SamplingConfig
    plan: WindowPlan
    stretches: int
    people: int
    bands: JointBands

    def demand_samples(self, count: int) -> None:
        """Raise InputError unless the number of samples is the one that the bands were calibrated with."""
        if count != self.samples:
            raise InputError(
                f"bands were calibrated on {self.samples} samples, got {count}; draw {self.samples}, or "
                f"calibrate anew with bands.samples={count}: kedro run --pipelines evaluation"
            )


def radius(calibration: BandCalibration, samples: Samples, level: float = 0.9) -> PerJoint:
    """The radius of every joint's band, in metres, from samples of one path; its centre is `given_out`."""
    calibration.demand_samples(samples.shape[-4])
    return calibration.bands.radius_m(spread_m(samples), level)


def is_guess(radius_90_m: PerJoint, limit_m: float) -> Bool[Tensor, "*batch frame joint"]:
    """The joints that are a guess: the truth may well be further away than `limit_m`."""
    return radius_90_m > limit_m


def spread_m(samples: Samples) -> PerJoint:
    """Root mean square distance of samples from their mean, with n − 1 in the denominator for n samples."""
    count = samples.shape[-4]
    if count < 2:
        raise ValueError(f"samples must be at least two for a distance between them, got {count}")
    distance = (samples - samples.mean(-4, keepdim=True)).norm(dim=-1)
    return (distance.square().sum(-3) / (count - 1)).sqrt()


def given_out(samples: Float[Tensor, "batch sample frame joint 3"], mask: FrameMask) -> Int[Tensor, " batch"]:
    """The index of the chosen sample: the nearest to the mean of all, over joints and real frames.

    The mean itself is nearer to the truth, but it is not a body: its limbs are too short.
    """
    distance = (samples - samples.mean(1, keepdim=True)).norm(dim=-1).mean(-1)
    return (distance * mask[:, None]).sum(-1).argmin(dim=1)


def normal_radius_m(spread_m: PerJoint, level: float) -> PerJoint:
    """The radius if the truth were normally distributed with the spread of the samples."""
    return float(chi(3).ppf(level)) / 3**0.5 * spread_m


def predicted_error_m(spread_m: PerJoint, offset_m: Tensor, slope: Tensor) -> PerJoint:
    """offset + slope · spread, with one offset and slope per joint."""
    return (offset_m + slope * spread_m).clamp(min=SMALLEST_M)


def calibrated(judged: JudgedSamples, levels: tuple[float, ...] = LEVELS) -> JointBands:
    """Bands that contain their share of the joints of people they were not fitted on, on average.

    With one person nobody can be left out, and the quantile is the fitted one.
    """
    bands, people = _fitted(judged, levels), judged.person.unique()
    if len(people) < 2:
        return bands
    ratios, weights = [], []
    for person in people:
        own = judged.person == person
        others, left_out = _fitted(judged.rows(~own), levels), judged.rows(own)
        radii = torch.stack([others.radius_m(left_out.spread_m, level) for level in levels], dim=-1)
        ratios.append((left_out.error_m[..., None] / radii.clamp(min=SMALLEST_M)).flatten(0, 2))
        weights.append(left_out.weight[..., None].expand_as(left_out.error_m).flatten())
    each = weighted_quantiles(torch.cat(ratios), torch.cat(weights), torch.tensor(levels))
    raised = torch.tensor(bands.quantile).to(each) * each.diagonal()[:, None]
    return bands.model_copy(update={"quantile": _rows(raised)})


def weighted_quantiles(
    values: Float[Tensor, "value column"], weight: Float[Tensor, " value"], levels: Float[Tensor, " level"]
) -> Float[Tensor, "level column"]:
    """For each column, the smallest value that a share `level` of the weight does not exceed."""
    ordered, order = values.sort(dim=0)
    below = weight[order].cumsum(dim=0)
    wanted = (levels.to(below) * (1 - 1e-12))[:, None] * below[-1]
    place = torch.searchsorted(below.T.contiguous(), wanted.T.contiguous())
    return ordered.gather(0, place.T.clamp(max=len(values) - 1))


def _fitted(judged: JudgedSamples, levels: tuple[float, ...]) -> JointBands:
    """Offset and slope by non-negative least squares, then quantiles of errors over predicted errors."""
    weight, joints = judged.weight.flatten(), judged.error_m.shape[-1]
    error, spread = judged.error_m.flatten(0, 1).double(), judged.spread_m.flatten(0, 1).double()
    root = weight.sqrt()
    lines = [
        nnls(torch.stack([root, root * spread[:, j]], 1).numpy(), (root * error[:, j]).numpy())[0]
        for j in range(joints)
    ]
    offset, slope = torch.from_numpy(np.array(lines)).unbind(1)
    score = error / predicted_error_m(spread, offset, slope)
    quantile = weighted_quantiles(score, weight, torch.tensor(levels))
    return JointBands(
        levels=levels,
        offset_m=tuple(offset.tolist()),
        slope=tuple(slope.tolist()),
        quantile=_rows(quantile),
    )


def _rows(values: Float[Tensor, "level joint"]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(cast(list[float], row)) for row in values.tolist())
