"""One held-out window to look at: chosen by a rule, not by eye, with one motion drawn from each model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import motion_predictor
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.representation import feature_count
from motiongrpo.diffusion.sampler import SamplingConfig, sample
from motiongrpo.errors import InputError
from motiongrpo.metrics.position import mpjpe_mm
from motiongrpo.motion.windows import WindowBatch


@dataclass(frozen=True)
class ShownMotion:
    """Joints in the world, metres, and which of those below the root touch the floor; real frames only."""

    name: str
    p_world_joint: Float[Tensor, "frame 22 3"]
    contacts: Bool[Tensor, "frame 21"]

    @classmethod
    def of(cls, name: str, placed: PlacedMotion, body: BodyModel) -> "ShownMotion":
        """The first motion of a batch, posed."""
        real = placed.mask[0]
        joints = placed.posed(body)[1].p_world_joint[0, real, :BODY_JOINTS]
        return cls(name, joints, placed.contacts[0, real] > 0.5)

    def mpjpe_mm(self, truth: "ShownMotion") -> float:
        """Mean distance of the joints from the true ones, millimetres."""
        mask = torch.ones(1, len(self.contacts), dtype=torch.bool)
        return float(mpjpe_mm(self.p_world_joint[None], truth.p_world_joint[None], mask))

    def labelled(self, truth: "ShownMotion") -> "ShownMotion":
        """The motion with its own error in its name."""
        return replace(self, name=f"{self.name}\nMPJPE {self.mpjpe_mm(truth):.0f} mm")


@dataclass(frozen=True)
class MedianWindow:
    """The window whose error is the median of all that were scored."""

    sequence: int
    window: int  # its first frame within the sequence
    subject: str
    mpjpe_mm: float
    windows: int  # that the median is of

    def title(self, sequence: str, activity: str, fps: float) -> str:
        """Says which window it is, and why this one."""
        what = f"{activity}, {sequence}" if activity else sequence
        return (
            f"The held-out window, of {self.windows}, whose error after post-training is the median, "
            f"{self.mpjpe_mm:.0f} mm\n{what}, from {self.window / fps:.1f} s"
        )


def median_window(scores: dict[str, dict[str, Any]], weights: str) -> MedianWindow:
    """The median window by MPJPE of the checkpoint with these weights; the better of two middle ones."""
    mine = [score for score in scores.values() if score["weights"] == weights]
    if not mine:
        raise InputError("the policy has no score yet; run the evaluation pipeline")
    table = pd.DataFrame(mine[0]["windows"]).sort_values(["mpjpe_mm", "sequence", "window"])
    row = table.iloc[(len(table) - 1) // 2]
    return MedianWindow(
        sequence=int(row["sequence"]),
        window=int(row["window"]),
        subject=str(row["subject"]),
        mpjpe_mm=float(row["mpjpe_mm"]),
        windows=len(table),
    )


def row_of(window: MedianWindow, windows: pd.DataFrame) -> pd.DataFrame:
    """Its row in the window table; raises InputError where the table has been made anew since the scores."""
    where = {"split": "test", "sequence": window.sequence, "start": window.window, "subject": window.subject}
    same = np.logical_and.reduce([windows[column] == value for column, value in where.items()])
    if not same.any():
        raise InputError(
            f"window {window.window} of sequence {window.sequence} was scored but is not in the window table "
            "since the motion was ingested again; run the evaluation pipeline"
        )
    return windows.loc[same]


@torch.no_grad()
def drawn_motion(
    denoiser: Denoiser, batch: WindowBatch, sampling: SamplingConfig, generator: torch.Generator
) -> PlacedMotion:
    """One motion for each window under its true head path; equal generators give equal noise."""
    count, frames = batch.mask.shape
    shape = (count, 1, frames, feature_count(denoiser.config.include_hands))
    x_T = torch.randn(shape, generator=generator).to(batch.betas)
    predict = motion_predictor(denoiser, batch.T_world_cpf, batch.mask, sampling)
    x = sample(predict, x_T, sampling, generator)
    return PlacedMotion.sampled(x[:, 0], batch.T_world_cpf[:, 1:], batch.mask)
