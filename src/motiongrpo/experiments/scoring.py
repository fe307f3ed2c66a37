"""Metrics (gold) and rewards (proxy) of the same samples, as in studies of reward over-optimisation.

A reward that is hacked rises while the metrics fall. Selecting one motion from several samples is here too,
since metrics never see a reward.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from motiongrpo.base.shapes import PerSample, PerSequence, Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.metrics.evaluation import EvaluationBatch, EvaluationConfig, draw_samples, score_samples
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.hybrid import PERCEPTUAL, HybridReward

Taken = Literal["best_of", "oracle", "mean_of"]
"""Of several samples: the one that φ likes best, the one nearest to the truth, or their mean.

The last two are no ways to use a model: they are what could be won by a training that adds no knowledge. The
mean, of the packed features, is where a policy ends that becomes certain; the oracle is what always choosing
right among the model's own samples would give.
"""


@dataclass(frozen=True)
class Scorer:
    """Draws motions under one protocol and measures both their metrics and their rewards."""

    reward: HybridReward
    omega: dict[str, float]
    config: EvaluationConfig

    def score(
        self,
        denoiser: Denoiser,
        batch: EvaluationBatch,
        candidates: int = 1,
        taken: Taken = "best_of",
    ) -> tuple[dict[str, PerSequence], dict[str, PerSequence]]:
        """Metrics and rewards per window, averaged over samples."""
        x = self.draw(denoiser, batch, candidates, taken)
        paid = self.reward.rewards(self._measure(x, batch.windows), self.omega)
        metrics = score_samples(x, batch.windows, self.reward.body, self.reward.fps)
        return metrics, {term: reward.mean(1) for term, reward in paid.items()}

    def draw(self, denoiser: Denoiser, batch: EvaluationBatch, candidates: int, taken: Taken) -> Rollout:
        """What is taken of so many candidates for every sample; the first of them is evaluation's."""
        drawn = (draw_samples(denoiser, batch, self.config, number) for number in range(candidates))
        x = next(drawn)
        if candidates == 1:
            return x
        if taken == "mean_of":
            return sum(drawn, x) / candidates
        score = self._selection_score(x, batch.windows, taken)
        for other in drawn:
            x, score = better_of(x, score, other, self._selection_score(other, batch.windows, taken))
        return x

    def _selection_score(self, x: Rollout, batch: WindowBatch, taken: Taken) -> PerSample:
        values = self._measure(x, batch)
        return -values["position"] if taken == "oracle" else values[PERCEPTUAL]

    def _measure(self, x: Rollout, batch: WindowBatch) -> dict[str, PerSample]:
        placement = batch.T_world_cpf[:, None, 1:].expand(-1, x.shape[1], -1, -1)
        return self.reward.measure(x, batch, placement).values


def better_of(
    x: Rollout, score: PerSample, other: Rollout, other_score: PerSample
) -> tuple[Rollout, PerSample]:
    """Sample by sample whichever scores higher; the first where they agree."""
    better = other_score > score
    return torch.where(better[..., None, None], other, x), torch.maximum(score, other_score)
