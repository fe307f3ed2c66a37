"""Where the position error is: in which joints, in which activities, and when within a window.

These are parts of MPJPE: the mean over the joints of a profile is the mean in the comparison.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor
from typing_extensions import TypedDict

from motiongrpo.base.tables import Measure
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.metrics.bootstrap import draw_over, estimate
from motiongrpo.metrics.evaluation import EvaluationConfig, draw_samples, evaluation_batches
from motiongrpo.metrics.pose import joint_distance_mm
from motiongrpo.motion.windows import Spread, WindowBatch

UNNAMED = "not recorded"
DIFFERENCE = "difference"
MODELS = ("pretrained", "post-trained")
SEPARATOR = "+"  # between the activities of a sequence


class ProfileRow(TypedDict):
    """A row of a profile: the mean error of a model in one joint, activity or moment."""

    by: Literal["joint", "activity", "seconds"]
    name: str
    model: Literal["pretrained", "post-trained", "difference"]
    mean: Measure
    low: Measure
    high: Measure
    windows: int
    sequences: int


JointErrors = Float[ndarray, "window frame joint"]  # millimetres, NaN in the padding


@dataclass(frozen=True)
class SampledWindows:
    """A model's samples of some windows: their errors, and the first sample of each window."""

    joint_error_mm: Float[Tensor, "batch frame joint"]  # mean over the samples; NaN in the padding
    first: PlacedMotion


@dataclass(frozen=True)
class WindowFacts:
    """The identity of each window, and its activity."""

    sequence: Int[ndarray, " window"]
    subject: list[str]
    activity: list[str]  # of its sequence; several are joined by "+"


@torch.no_grad()
def sampled_windows(
    denoiser: Denoiser, batch: WindowBatch, body: BodyModel, config: EvaluationConfig
) -> Iterator[SampledWindows]:
    """The samples that evaluation scores, a batch at a time."""
    for part in evaluation_batches(batch, config):
        yield _judged(draw_samples(denoiser, part, config), part.windows, body)


def error_profile(
    errors: dict[str, JointErrors],
    windows: WindowFacts,
    fps: float,
    rng: np.random.Generator,
    resamples: int,
    spread: Spread = "sequences",
) -> pd.DataFrame:
    """Means and 95 % intervals of each model, and of the last minus the first, paired.

    The columns are by (joint, activity or seconds into the window), name, model, mean, low, high, windows,
    sequences.
    """
    models = list(errors)
    columns, parts = _columns(windows, fps, *next(iter(errors.values())).shape[1:])
    values = {name: _values(error, parts) for name, error in errors.items()}
    values[DIFFERENCE] = values[models[-1]] - values[models[0]]
    _, first, sequence = np.unique(windows.sequence, return_index=True, return_inverse=True)
    draws, _ = draw_over(spread, np.array(windows.subject)[first], resamples, rng)
    weights = np.ones(len(sequence))
    tables = []
    for model, value in values.items():
        result = estimate(value, weights, sequence, draws)
        tables.append(columns.assign(model=model, **result.__dict__))
    return pd.concat(tables, ignore_index=True)


def fault_of_profile(table: pd.DataFrame) -> str:
    """The reason why a table is not a profile, "" where it is one."""
    return fault_of_sides(table, ["by", "name"], "model", (*MODELS, DIFFERENCE))


def fault_of_sides(table: pd.DataFrame, key: list[str], column: str, sides: tuple[str, ...]) -> str:
    """The fault of a table that must have the same keys once for every side; "" where it has none."""
    rows = [set(table[table[column] == side][key].itertuples(index=False, name=None)) for side in sides]
    if any(part != rows[0] for part in rows) or not rows[0]:
        return f"a row of {' or '.join(sides)} is missing"
    if table.duplicated([*key, column]).any():
        return "a row is there twice"
    if other := set(table["name"][table["by"] == "joint"]) - set(joint_names()):
        return f"there is no joint '{min(other)}'"
    return ""


def joint_names() -> list[str]:
    """The names of body joints in words, such as `left hip`."""
    return [Joint(joint).name.lower().replace("_", " ") for joint in range(BODY_JOINTS)]


def _judged(
    x: Float[Tensor, "batch sample frame feature"], part: WindowBatch, body: BodyModel
) -> SampledWindows:
    count, each_window = x.shape[:2]
    repeat = torch.arange(count, device=x.device).repeat_interleave(each_window)
    placed = PlacedMotion.sampled(x.flatten(0, 1), part.T_world_cpf[repeat, 1:], part.mask[repeat])
    joints = placed.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS]
    truth = part.posed(body)[1].p_world_joint[:, :, :BODY_JOINTS]
    distance = joint_distance_mm(joints, truth[repeat]).unflatten(0, (count, each_window)).mean(1)
    distance[~part.mask] = torch.nan
    return SampledWindows(distance, placed.rows(slice(None, None, each_window)))


def _columns(windows: WindowFacts, fps: float, frames: int, joints: int) -> tuple[pd.DataFrame, ndarray]:
    """The names of the columns of a profile, and the activities of each window."""
    held = [set(activity.split(SEPARATOR)) if activity else {UNNAMED} for activity in windows.activity]
    activities = sorted(set().union(*held), key=lambda name: (name == UNNAMED, name))
    named = [("joint", name) for name in joint_names()[:joints]]
    named += [("activity", name) for name in activities]
    named += [("seconds", f"{frame / fps:.4f}") for frame in range(frames)]
    has = np.array([[name in names for name in activities] for names in held])
    return pd.DataFrame(named, columns=["by", "name"]), has


def _values(errors: JointErrors, has: ndarray) -> Float[ndarray, "window column"]:
    """The error of every window by joint, by activity where the window has it, and by frame."""
    by_joint = np.nanmean(errors, axis=1)
    by_activity = np.where(has, by_joint.mean(axis=1)[:, None], np.nan)
    return np.concatenate([by_joint, by_activity, errors.mean(axis=2)], axis=1)
