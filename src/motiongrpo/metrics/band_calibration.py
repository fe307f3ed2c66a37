"""Calibrating the bands of a denoiser on validation motion, and checking them on test motion."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from numpy import ndarray

from motiongrpo.base.shapes import Rollout
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.metrics.bands import JointBands, JudgedSamples, given_out, normal_radius_m, spread_m
from motiongrpo.metrics.bootstrap import draw_over, estimate
from motiongrpo.metrics.evaluation import EvaluationConfig, draw_samples, evaluation_batches
from motiongrpo.metrics.metric import MM_PER_M
from motiongrpo.motion.windows import WindowBatch

CALIBRATED, UNCALIBRATED = "calibrated", "spread of the samples"
COLUMNS = ("band", "level", "by", "name", "inside", "low", "high", "radius_mm", "windows", "people")


@torch.no_grad()
def judged_samples(
    denoiser: Denoiser,
    windows: WindowBatch,
    person: Int[torch.Tensor, " window"],
    body: BodyModel,
    config: EvaluationConfig,
) -> Iterator[JudgedSamples]:
    """`config.samples` motions of every window against its truth, a batch at a time; `person` is a number."""
    for batch in evaluation_batches(windows, config):
        part = batch.windows
        joints = _sampled_joints(draw_samples(denoiser, batch, config), part, body)
        truth = part.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS]
        shown = joints[torch.arange(len(part)), given_out(joints, part.mask)]
        own = person[batch.first : batch.first + len(part)]
        judged = JudgedSamples((shown - truth).norm(dim=-1), spread_m(joints), part.mask, own)
        yield judged.to("cpu")


def _sampled_joints(x: Rollout, part: WindowBatch, body: BodyModel) -> torch.Tensor:
    """The joints of samples in the world: (window, sample, frame, 22, 3)."""
    count, each_window = x.shape[:2]
    repeat = torch.arange(count, device=x.device).repeat_interleave(each_window)
    placed = PlacedMotion.sampled(x.flatten(0, 1), part.T_world_cpf[repeat, 1:], part.mask[repeat])
    joints = placed.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS]
    return joints.unflatten(0, (count, each_window))


def reliability(
    judged: JudgedSamples,
    bands: JointBands,
    people: list[str],
    sequence: Int[ndarray, " window"],
    rng: np.random.Generator,
    resamples: int,
) -> pd.DataFrame:
    """The share of true joints inside the bands, in all, by joint and by person, with its 95 % interval.

    Beside the bands stand those that the spread of the samples itself would give. `people` are the names
    behind the numbers of `judged.person`. Every person weighs the same; intervals are over people where
    there are five, else over sequences.
    """
    person = judged.person.numpy()
    _, first, number = np.unique(sequence, return_index=True, return_inverse=True)
    draws, _ = draw_over("people", person[first], resamples, rng)
    weights = 1 / np.bincount(person)[person]
    names, tables = _named(people), []
    for band, level, radius in _radii(judged, bands):
        parts = (judged.error_m <= radius).double(), radius * MM_PER_M
        values = np.hstack([_columns(part, judged, len(people)) for part in parts])
        result = estimate(values, weights, number, draws)
        shares = {name: getattr(result, name)[: len(names)] for name in ("mean", "low", "high", "windows")}
        table = names.assign(band=band, level=level, radius_mm=result.mean[len(names) :], **shares)
        tables.append(table.assign(people=np.where(table["by"] == "person", 1, len(people))))
    return pd.concat(tables, ignore_index=True).rename(columns={"mean": "inside"})[list(COLUMNS)]


def no_reliability() -> pd.DataFrame:
    """The table where there is nothing to calibrate on."""
    return pd.DataFrame(columns=pd.Index(COLUMNS))


def _radii(judged: JudgedSamples, bands: JointBands) -> Iterable[tuple[str, float, torch.Tensor]]:
    for level in bands.levels:
        yield CALIBRATED, level, bands.radius_m(judged.spread_m, level)
        yield UNCALIBRATED, level, normal_radius_m(judged.spread_m, level)


def _named(people: list[str]) -> pd.DataFrame:
    """What the columns of `_columns` are."""
    joints = [("joint", Joint(joint).name.lower().replace("_", " ")) for joint in range(BODY_JOINTS)]
    names = [("all", "all"), *joints, *(("person", name) for name in people)]
    return pd.DataFrame(names, columns=["by", "name"])


def _columns(values: torch.Tensor, judged: JudgedSamples, people: int) -> ndarray:
    """The mean over the real frames of each window: of all joints, of each, and all again by person."""
    real = judged.mask[..., None]
    by_joint = ((values * real).sum(1) / real.sum(1)).double().numpy()
    together = by_joint.mean(1, keepdims=True)
    own = judged.person.numpy()[:, None] == np.arange(people)
    return np.concatenate([together, by_joint, np.where(own, together, np.nan)], axis=1)
