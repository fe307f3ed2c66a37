"""Example windows: held-out ones, chosen by a rule and not by eye, with one motion of each model."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.candidates import TRAININGS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.metrics.pose import mpjpe_mm

RULE = "mpjpe_mm"
RANKS = ("best", "median", "worst")


@dataclass(frozen=True)
class ShownMotion:
    """Joints in the world, metres, and the contacts of those below the root; real frames only."""

    name: str
    p_world_joint: Float[Tensor, "frame 22 3"]
    contacts: Bool[Tensor, "frame 21"]

    @classmethod
    def of(cls, name: str, placed: PlacedMotion, body: BodyModel) -> "ShownMotion":
        """The first motion of a batch, posed."""
        real = placed.mask[0]
        joints = placed.posed(body)[1].p_world_joint[0, real, :BODY_JOINTS]
        return cls(name, joints.cpu(), placed.contacts[0, real].cpu() > 0.5)

    def mpjpe_mm(self, truth: "ShownMotion") -> float:
        """Mean distance of the joints from the true ones, millimetres."""
        mask = torch.ones(1, len(self.contacts), dtype=torch.bool)
        return float(mpjpe_mm(self.p_world_joint[None], truth.p_world_joint[None], mask))

    def labelled(self, truth: "ShownMotion") -> "ShownMotion":
        """The motion with its error in its name."""
        return replace(self, name=f"{self.name}\nMPJPE {self.mpjpe_mm(truth):.0f} mm")


@dataclass(frozen=True)
class ExampleWindow:
    """A held-out window and its rank among all that were scored."""

    rank: str  # best, median, worst
    row: int  # within the scores
    start: int  # its first frame within the sequence
    mpjpe_mm: float
    windows: int  # number of ranked windows

    def title(self, sequence: str, activity: str, fps: float) -> str:
        """The title of a clip: rank and error of its window, then activity, sequence and start."""
        what = f"{activity}, {sequence}" if activity else sequence
        return (
            f"The {self.rank} of {self.windows} held-out windows: error after post-training "
            f"{self.mpjpe_mm:.0f} mm\n{what}, from {self.start / fps:.1f} s"
        )


def ranked_windows(scores: dict[str, dict[str, Any]], weights: str) -> list[ExampleWindow]:
    """Best, median (the better of two) and worst window by MPJPE of the checkpoint with these weights."""
    table = windows_scored(scores, weights)
    order = table.sort_values([RULE, "sequence", "window"]).index.tolist()
    start, error = table["window"].tolist(), table[RULE].tolist()
    places = dict(zip(RANKS, (0, (len(order) - 1) // 2, len(order) - 1), strict=True))
    return [
        ExampleWindow(
            rank=rank,
            row=order[place],
            start=start[order[place]],
            mpjpe_mm=error[order[place]],
            windows=len(table),
        )
        for rank, place in places.items()
    ]


def windows_scored(scores: dict[str, dict[str, Any]], weights: str) -> pd.DataFrame:
    """The scores of every window of the checkpoint with these weights.

    Scores of the run itself take precedence over those of other runs. Checkpoints from elsewhere are ignored,
    since the score of a copy may be stale.
    """
    of_trainings = [name for name in scores if PurePosixPath(name).parent.name in TRAININGS]
    mine = [name for name in of_trainings if scores[name]["weights"] == weights]
    if not mine:
        raise InputError(
            "the last checkpoint of pretraining or GRPO has no score yet; run the evaluation pipeline"
        )
    return pd.DataFrame(scores[min(mine, key=lambda name: name.count("/"))]["windows"])


def demand_same_windows(model: str, scored: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Raise InputError where the window table has changed since the scores."""
    then = scored[["sequence", "window", "subject"]].to_numpy().tolist()
    now = rows[["sequence", "start", "subject"]].to_numpy().tolist()
    if then != now:
        raise InputError(
            f"the {model} model was scored on {len(then)} windows that are not the {len(now)} held-out ones "
            "of the window table, since the motion was ingested or parameters of evaluation changed; "
            "run the evaluation pipeline"
        )
