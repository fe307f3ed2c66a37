"""Baselines without learning: the mean pose of the training motion under the head, and the mean of samples.

A prior that is worse than a constant pose has not learnt the task, and post-training it is meaningless. The
mean of several samples shows how much narrowing a model's distribution alone would gain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.base.shapes import Poses, Rollout
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import root_from_head
from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import MotionState, true_motion
from motiongrpo.diffusion.trained import load_denoiser
from motiongrpo.geometry.heading import heading_angle, rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import nearest_rotation
from motiongrpo.metrics.evaluation import (
    EvaluationBatch,
    EvaluationConfig,
    draw_samples,
    evaluation_batches,
    listed,
    score_samples,
)
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowBatch, read_windows, split_rows

BASELINES = "baselines"
CANDIDATES = 8  # number of samples that are averaged
FRAMES = 4096  # frames of the training motion whose mean is the constant pose
UPRIGHT = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""R_world_root of a body that stands and faces world +x; its own coordinates are y up and z forward."""

Placement = Literal["upright", "hung"]
"""How a pose is placed under a head path.

`upright` uses the position and the yaw of the head, so that the pelvis is always level; `hung` is rigidly
attached to the head, like samples, and tilts with it.
"""

CONSTANTS: dict[str, Placement] = {
    f"{BASELINES}/constant_upright": "upright",
    f"{BASELINES}/constant_hung": "hung",
}
MEAN_OF_SAMPLES = f"{BASELINES}/mean_of_{CANDIDATES}"


@dataclass(frozen=True)
class TrainingMotion:
    """The motion whose mean is the constant pose, and the run that it belongs to."""

    run: str
    motions: MotionStore
    windows: pd.DataFrame  # the window table; it has no train rows where no run has training motion

    @property
    def is_there(self) -> bool:
        """Whether there is training motion."""
        return "train" in set(self.windows["split"])


@dataclass(frozen=True)
class MeanPose:
    """One pose for every frame: mean shape, chordal mean of local rotations, share of frames in contact."""

    betas: Float[Tensor, " 16"]
    R_parent_joint: Float[Tensor, "21 3 3"]
    contacts: Float[Tensor, " 21"]

    @classmethod
    def of(cls, motions: MotionStore, windows: pd.DataFrame) -> "MeanPose":
        """The mean over frames evenly spaced in the training motion of a window table.

        The chordal mean of rotations is the rotation nearest to the mean of their matrices (Hartley et al.
        2013, "Rotation averaging").
        """
        rows = evenly_spaced_frames(split_rows(windows, "train"), FRAMES)
        state = true_motion(read_windows(motions, rows, length=1, hands=False))
        parts = (state.betas, state.body_rotmats, state.contacts)
        betas, rotations, contacts = (part.double().mean(dim=(0, 1)) for part in parts)
        return cls(betas.float(), nearest_rotation(rotations).float(), contacts.float())

    def packed(self, windows: WindowBatch, samples: int) -> Rollout:
        """The pose, packed, as equal samples of every window."""
        one = MotionState(self.betas[None], self.R_parent_joint[None], self.contacts[None], None)
        x = one.pack().to(windows.betas)
        count, frames = windows.mask.shape
        return x.expand(count, samples, frames, -1)

    def head_path(self, windows: WindowBatch, placement: Placement, body: BodyModel) -> Poses:
        """T_world_cpf (batch, frame, 7) from which the pose has to be hung to be placed like this."""
        given = windows.T_world_cpf[:, 1:]
        if placement == "hung":
            return given
        head, rotations = Transform.from_wxyz_xyz(given), self.R_parent_joint.to(given)
        identity = Transform(torch.eye(3).to(given), torch.zeros(3).to(given))
        T_cpf_root = root_from_head(body.shaped(self.betas.to(given)), rotations, identity)
        R_world_root = rotation_about_up(heading_angle(head.R)) @ torch.tensor(UPRIGHT).to(given)
        return Transform(R_world_root @ T_cpf_root.R.mT, head.p).wxyz_xyz()


def evenly_spaced_frames(spans: pd.DataFrame, count: int) -> np.ndarray:
    """Rows (sequence, start, 1) of `count` frames, evenly spaced over the concatenated spans."""
    size = spans["length"].to_numpy()
    ends = np.cumsum(size)
    flat = np.linspace(0, ends[-1] - 1, count).round().astype(np.int64)
    span = np.searchsorted(ends, flat, side="right")
    start = spans["start"].to_numpy()[span] + flat - (ends - size)[span]
    return np.stack([spans["sequence"].to_numpy()[span], start, np.ones_like(start)], axis=1)


def mean_of_candidates(
    denoiser: Denoiser, batch: EvaluationBatch, config: EvaluationConfig, count: int
) -> Rollout:
    """The mean of the packed features of several draws of every sample; the first draw is evaluation's."""
    drawn = (draw_samples(denoiser, batch, config, candidate) for candidate in range(count))
    return sum(drawn, next(drawn)) / count


def baselines_of(found: list[Candidate], training: TrainingMotion, run: str) -> Iterator[Candidate]:
    """The constant poses, where there is training motion, and the mean of samples, where there is a prior.

    The prior is the last pretrained checkpoint of the first run that has one. `weights` is a digest of the
    inputs of a baseline.
    """
    if training.is_there:
        train = training.windows[training.windows["split"] == "train"]
        made_of = digest_of(training.motions.digest, train.to_csv(index=False), FRAMES)
        for name in CONSTANTS:
            yield Candidate(name, run, BASELINES, 0, made_of, None, "")
    pretrained = [candidate for candidate in found if candidate.stage == "pretraining"]
    if pretrained:
        prior = max((c for c in pretrained if c.run == pretrained[0].run), key=lambda c: c.step)
        made_of = digest_of(prior.weights, CANDIDATES)
        yield Candidate(MEAN_OF_SAMPLES, run, BASELINES, prior.step, made_of, prior.body, prior.path)


@torch.no_grad()
def score_baseline(
    baseline: Candidate,
    training: TrainingMotion,
    windows: WindowBatch,
    fps: float,
    body: BodyModel,
    config: EvaluationConfig,
) -> dict[str, list[float | None]]:
    """Every metric of every window for one of `baselines_of`, measured like those of a checkpoint.

    `training` has the motion whose mean is the constant pose.
    """
    batches = list(evaluation_batches(windows, config))
    heads: list[Poses | None] = [None] * len(batches)
    if baseline.name in CONSTANTS:
        pose, placement = MeanPose.of(training.motions, training.windows), CONSTANTS[baseline.name]
        drawn = [pose.packed(batch.windows, config.samples) for batch in batches]
        heads = [pose.head_path(batch.windows, placement, body) for batch in batches]
    else:
        denoiser = load_denoiser(Path(baseline.path)).to(windows.betas.device)
        drawn = [mean_of_candidates(denoiser, batch, config, CANDIDATES) for batch in batches]
    scores = [
        score_samples(x, batch.windows, body, fps, head)
        for x, batch, head in zip(drawn, batches, heads, strict=True)
    ]
    return listed(scores)
