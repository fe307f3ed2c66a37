"""The perceptual model's calibration and its accuracy by kind of fault, on held-out motion."""

from dataclasses import dataclass, replace
from typing import Annotated, NotRequired

import numpy as np
import torch
from jaxtyping import Float
from pydantic import AfterValidator, Field
from scipy.stats import rankdata
from torch import Tensor
from typing_extensions import TypedDict

from motiongrpo.base.seeds import generator_for
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput

SEVERITIES = (0.25, 0.5, 0.75, 1.0)


def _number(severity: str) -> str:
    float(severity)
    return severity


class AgainstFault(TypedDict):
    """How the truth fares against one kind of fault: pair accuracy by severity, and rank correlation."""

    pair_accuracy: Annotated[dict[Annotated[str, AfterValidator(_number)], float], Field(min_length=1)]
    spearman: float


class AgainstHead(TypedDict):
    """How the truth fares against itself under another head's path."""

    pair_accuracy: float


class AgainstSamples(AgainstHead):
    """How the truth fares against samples, and their mean score."""

    score: float


class ExaminationReport(TypedDict):
    """What a reward model was examined on, and how often it ranked the truth first."""

    windows: int
    corruptions: dict[str, AgainstFault]
    another_head: AgainstHead
    truth_score: float
    samples: NotRequired[AgainstSamples]


@dataclass(frozen=True)
class Examiner:
    """Held-out motion, its body and frame rate, and the seed of its corruptions."""

    body: BodyModel
    fps: float
    batch: WindowBatch
    seed: int

    def truth(self) -> PerceptualInput:
        """The windows as they are."""
        return PerceptualInput(PlacedMotion.truth(self.batch), self.batch.T_world_cpf)

    def corrupted(self, kind: str, severity: float) -> PerceptualInput:
        """Every window made worse by the same amount."""
        return self._corrupted(kind, torch.full((len(self.batch),), severity), str(severity))

    def graded(self, kind: str) -> PerceptualInput:
        """The windows made worse by each severity in turn."""
        each = torch.tensor(SEVERITIES)[torch.arange(len(self.batch)) % len(SEVERITIES)]
        return self._corrupted(kind, each, "graded")

    def _corrupted(self, kind: str, severity: Float[Tensor, " window"], address: str) -> PerceptualInput:
        generator = generator_for(self.seed, "examination", kind, address)
        each = severity.to(self.batch.betas)
        candidate = CORRUPTIONS[kind](PlacedMotion.truth(self.batch), each, generator)
        return PerceptualInput(candidate, self.batch.T_world_cpf)

    def under_another_head(self) -> PerceptualInput:
        """True bodies hung from the head path of another window.

        Left under their own heads, they would be metres away and recognised by position alone. Frames count
        where both windows have real ones, since a head that stands still in padding would be recognised by
        that.
        """
        T_world_cpf, truth = self.batch.T_world_cpf.roll(1, 0), PlacedMotion.truth(self.batch)
        mask = truth.mask & truth.mask.roll(1, 0)
        return PerceptualInput(replace(truth, T_world_cpf=T_world_cpf[:, 1:], mask=mask), T_world_cpf)


@torch.no_grad()
def fit_calibration(model: PerceptualModel, examiner: Examiner, samples: PerceptualInput | None) -> Tensor:
    """Slope and offset of the logistic regression of real against not, both sides weighted alike.

    Every kind of corruption is judged at all severities, which alternate over the windows: a curve fitted to
    plain faults alone would call any subtle one real. Samples keep the share they have beside one severity.
    """
    real = examiner.truth().logits(model, examiner.body, examiner.fps)
    kinds = [examiner.graded(kind) for kind in CORRUPTIONS] + ([samples] if samples else [])
    fake = PerceptualInput.concatenate(kinds).logits(model, examiner.body, examiner.fps)
    return fit_logistic(real.cpu().double(), fake.cpu().double()).float()


def fit_logistic(real: Tensor, fake: Tensor, ridge: float = 1e-4) -> Tensor:
    """Slope and offset that make sigmoid(slope · logit + offset) a probability; Newton's method.

    The ridge keeps the slope finite where the two sides do not overlap.
    """
    x = torch.cat([real, fake])
    centre, scale = x.mean(), x.std().clamp(min=1e-12)
    design = torch.stack([(x - centre) / scale, torch.ones_like(x)], dim=1)
    label = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    weight = torch.cat([torch.ones_like(real) / len(real), torch.ones_like(fake) / len(fake)])
    w = torch.zeros(2, dtype=x.dtype)
    for _ in range(50):
        p = torch.sigmoid(design @ w)
        gradient = design.T @ (weight * (p - label)) + ridge * w
        hessian = (design.T * (weight * p * (1 - p))) @ design + ridge * torch.eye(2, dtype=x.dtype)
        w = w - torch.linalg.solve(hessian, gradient)
    return torch.stack([w[0] / scale, w[1] - w[0] * centre / scale])


@torch.no_grad()
def examine(model: PerceptualModel, examiner: Examiner, samples: PerceptualInput | None) -> ExaminationReport:
    """Pair accuracy of truth against each corruption by severity, against samples, against another head.

    `spearman` is the rank correlation of severity with the logit within a window, truth included as
    severity 0, averaged over windows: −1 is a perfect order.
    """
    judge = lambda judged: judged.logits(model, examiner.body, examiner.fps)  # noqa: E731
    truth = judge(examiner.truth())
    corruptions: dict[str, AgainstFault] = {}
    for kind in CORRUPTIONS:
        worse = [judge(examiner.corrupted(kind, severity)) for severity in SEVERITIES]
        accuracy = {str(s): share_above(truth, w) for s, w in zip(SEVERITIES, worse, strict=True)}
        order = rank_correlation(torch.stack([truth, *worse]))
        corruptions[kind] = {"pair_accuracy": accuracy, "spearman": order}
    report: ExaminationReport = {
        "windows": len(truth),
        "corruptions": corruptions,
        "another_head": {"pair_accuracy": share_above(truth, judge(examiner.under_another_head()))},
        "truth_score": float(model.score(truth).mean()),
    }
    if samples is not None:
        faked = judge(samples)
        report["samples"] = {
            "pair_accuracy": float((truth[:, None] > faked).double().mean()),
            "score": float(model.score(faked).mean()),
        }
    return report


def share_above(better: Tensor, worse: Tensor) -> float:
    """Share of windows whose first value is the larger one."""
    return float((better > worse).double().mean())


def rank_correlation(logits: Float[Tensor, "severity window"]) -> float:
    """Spearman's ρ between the order of the rows and the values, per column, averaged over columns.

    A column of equal values has no order: it counts as 0.
    """
    ranks = rankdata(logits.numpy(), axis=0)
    ranks = ranks - ranks.mean(axis=0)
    order = np.arange(len(ranks)) - (len(ranks) - 1) / 2
    norm = np.sqrt((order**2).sum() * (ranks**2).sum(axis=0))
    return float(np.divide(order @ ranks, norm, out=np.zeros_like(norm), where=norm > 0).mean())
