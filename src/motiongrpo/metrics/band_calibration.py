"""Calibration of a denoiser's bands on validation motion, and their check on test motion."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy import ndarray
from torch.nn.functional import pad
from typing_extensions import TypedDict

from motiongrpo.base.seeds import generator_for
from motiongrpo.base.tables import Measure
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.metrics.bands import JointBands, JudgedSamples, given_out, normal_radius_m, spread_m
from motiongrpo.metrics.bootstrap import draw_over, estimate
from motiongrpo.metrics.error_profile import fault_of_sides, joint_names
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.metric import MM_PER_M
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowBatch, read_windows

JOINED = 4  # windows of a stretch, at most

CALIBRATED, UNCALIBRATED = "calibrated", "spread of the samples"


class ReliabilityRow(TypedDict):
    """A row of a reliability table: the share of all joints, of one, or of one person's inside a band."""

    band: Literal["calibrated", "spread of the samples"]
    level: Measure
    by: Literal["all", "joint", "person"]
    name: str
    inside: Measure
    low: Measure
    high: Measure
    radius_mm: Measure
    stretches: int
    people: int


COLUMNS = list(ReliabilityRow.__annotations__)


def stretches_of(windows: pd.DataFrame) -> pd.DataFrame:
    """The window table with up to `JOINED` neighbouring windows of a sequence as one row.

    A path of several windows is sampled like a recording, in blended windows. Its samples are closer together
    than those of single windows, so bands calibrated on single windows would be too narrow for it.
    """
    place = windows.groupby("sequence").cumcount() // JOINED
    grouped = windows.groupby(["split", "sequence", "subject", place], sort=False)
    joined = grouped.agg(start=("start", "min"), length=("length", "sum")).reset_index()
    return joined.sort_values(["sequence", "start"], ignore_index=True)


def judged_samples(
    denoiser: Denoiser,
    motions: MotionStore,
    stretches: pd.DataFrame,
    body: BodyModel,
    plan: WindowPlan,
    config: EvaluationConfig,
) -> Iterator[JudgedSamples]:
    """`config.samples` motions of every stretch, and their errors; a batch has stretches of equal length."""
    people = {name: number for number, name in enumerate(people_of(stretches))}
    device, longest = next(denoiser.parameters()).device, int(stretches["length"].max())
    at_once = math.ceil(config.batch_size / JOINED)
    alike = stretches.groupby("length")
    for rows in (
        own.iloc[first : first + at_once] for _, own in alike for first in range(0, len(own), at_once)
    ):
        wanted = rows[["sequence", "start", "length"]].to_numpy(np.int64)
        batch = read_windows(motions, wanted, int(rows["length"].iloc[0]), hands=False).to(device)
        generator = generator_for(config.seed, "bands", *map(int, wanted[0]), device=device)
        error_m, spread = _judged(denoiser, batch, body, plan, config, generator)
        padding = (0, 0, 0, longest - batch.mask.shape[1])
        yield JudgedSamples(
            error_m=pad(error_m, padding).cpu(),
            spread_m=pad(spread, padding).cpu(),
            mask=pad(batch.mask, padding[2:]).cpu(),
            person=torch.tensor([people[name] for name in rows["subject"]]),
            sequence=torch.from_numpy(wanted[:, 0]),
        )


def people_of(stretches: pd.DataFrame) -> list[str]:
    """The names for the numbers in `JudgedSamples.person`."""
    return sorted(stretches["subject"].unique())


@torch.no_grad()
def _judged(
    denoiser: Denoiser,
    batch: WindowBatch,
    body: BodyModel,
    plan: WindowPlan,
    config: EvaluationConfig,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Error of the chosen sample, and spread of all samples: (stretch, frame, joint), metres."""
    count = len(batch)
    x = sample_path(denoiser, batch.T_world_cpf, config.samples, config.sampling, plan, generator)
    repeat = torch.arange(count, device=x.device).repeat_interleave(config.samples)
    placed = PlacedMotion.sampled(x.flatten(0, 1), batch.T_world_cpf[repeat, 1:], batch.mask[repeat])
    joints = placed.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS].unflatten(0, (count, config.samples))
    truth = batch.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS]
    shown = joints[torch.arange(count), given_out(joints, batch.mask)]
    return (shown - truth).norm(dim=-1), spread_m(joints)


def reliability(
    judged: JudgedSamples,
    bands: JointBands,
    people: list[str],
    rng: np.random.Generator,
    resamples: int,
) -> pd.DataFrame:
    """The share of true joints inside the bands: overall, by joint and by person, with 95 % intervals.

    For comparison there are the bands that the spread of the samples alone would give. `people` has the names
    for the numbers in `judged.person`. Every person has the same weight; intervals are over people where
    there are at least five, else over sequences.
    """
    person, sequence = judged.person.numpy(), judged.sequence.numpy()
    _, first, number = np.unique(sequence, return_index=True, return_inverse=True)
    draws, _ = draw_over("people", person[first], resamples, rng)
    weights = 1 / np.bincount(person)[person]
    names, tables = _named(people), []
    for band, level, radius in _radii(judged, bands):
        parts = (judged.error_m <= radius).double(), radius * MM_PER_M
        values = np.hstack([_columns(part, judged, len(people)) for part in parts])
        result = estimate(values, weights, number, draws)
        shares = {name: getattr(result, name)[: len(names)] for name in ("mean", "low", "high", "windows")}
        shares["stretches"] = shares.pop("windows")
        table = names.assign(band=band, level=level, radius_mm=result.mean[len(names) :], **shares)
        tables.append(table.assign(people=np.where(table["by"] == "person", 1, len(people))))
    return pd.concat(tables, ignore_index=True).rename(columns={"mean": "inside"})[COLUMNS]


def no_reliability() -> pd.DataFrame:
    """The empty table, for runs with nothing to calibrate on."""
    return pd.DataFrame(columns=pd.Index(COLUMNS))


def fault_of_reliability(table: pd.DataFrame) -> str:
    """The reason why a table is not a reliability table; "" where it is one, or has no rows."""
    key, sides = ["level", "by", "name"], (CALIBRATED, UNCALIBRATED)
    return "" if table.empty else fault_of_sides(table, key, "band", sides)


def _radii(judged: JudgedSamples, bands: JointBands) -> Iterable[tuple[str, float, torch.Tensor]]:
    for level in bands.levels:
        yield CALIBRATED, level, bands.radius_m(judged.spread_m, level)
        yield UNCALIBRATED, level, normal_radius_m(judged.spread_m, level)


def _named(people: list[str]) -> pd.DataFrame:
    """The names of the columns of `_columns`."""
    joints = [("joint", name) for name in joint_names()]
    names = [("all", "all"), *joints, *(("person", name) for name in people)]
    return pd.DataFrame(names, columns=["by", "name"])


def _columns(values: torch.Tensor, judged: JudgedSamples, people: int) -> ndarray:
    """The mean over the real frames of each window: of all joints, of each, and all again by person."""
    real = judged.mask[..., None]
    by_joint = ((values * real).sum(1) / real.sum(1)).double().numpy()
    together = by_joint.mean(1, keepdims=True)
    own = judged.person.numpy()[:, None] == np.arange(people)
    return np.concatenate([together, by_joint, np.where(own, together, np.nan)], axis=1)
