"""Metrics (gold) and rewards (proxy) of the same samples, as in studies of reward over-optimisation.

A hacked reward rises while the metrics get worse. Selecting one of several samples by reward is here, too,
since metrics do not use rewards.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from motiongrpo.base.shapes import PerSample, PerSequence, Poses, Rollout
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.metrics.baselines import MeanPose, Placement, mean_of_candidates
from motiongrpo.metrics.evaluation import EvaluationBatch, EvaluationConfig, draw_samples, score_samples
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.hybrid import PERCEPTUAL, HybridReward

Taken = Literal["best_of", "oracle", "mean_of"]
"""The selection from several samples: the best by φ, the one nearest to the truth, or their mean.

The last two are not ways to use a model: they show how much a training could gain without adding knowledge.
The mean, of packed features, is the limit of a policy that becomes deterministic; the oracle is the result of
always choosing the best of the model's own samples.
"""


@dataclass(frozen=True)
class Scorer:
    """Draws motions under one protocol and measures their metrics and their rewards."""

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
        return self._score(x, batch.windows, batch.windows.T_world_cpf[:, 1:])

    def score_constant(
        self, pose: MeanPose, placement: Placement, batch: EvaluationBatch
    ) -> tuple[dict[str, PerSequence], dict[str, PerSequence]]:
        """Metrics and rewards per window of one pose that is held in every frame."""
        head = pose.head_path(batch.windows, placement, self.reward.body)
        return self._score(pose.packed(batch.windows, self.config.samples), batch.windows, head)

    def draw(self, denoiser: Denoiser, batch: EvaluationBatch, candidates: int, taken: Taken) -> Rollout:
        """The selection from several candidates of every sample; the first candidate is evaluation's."""
        if taken == "mean_of":
            return mean_of_candidates(denoiser, batch, self.config, candidates)
        drawn = (draw_samples(denoiser, batch, self.config, number) for number in range(candidates))
        x = next(drawn)
        if candidates == 1:
            return x
        score = self._selection_score(x, batch.windows, taken)
        for other in drawn:
            x, score = better_of(x, score, other, self._selection_score(other, batch.windows, taken))
        return x

    def _score(
        self, x: Rollout, windows: WindowBatch, T_world_cpf: Poses
    ) -> tuple[dict[str, PerSequence], dict[str, PerSequence]]:
        paid = self.reward.rewards(self._measure(x, windows, T_world_cpf), self.omega)
        metrics = score_samples(x, windows, self.reward.body, self.reward.fps, T_world_cpf)
        return metrics, {term: reward.mean(1) for term, reward in paid.items()}

    def _selection_score(self, x: Rollout, batch: WindowBatch, taken: Taken) -> PerSample:
        values = self._measure(x, batch, batch.T_world_cpf[:, 1:])
        return -values["position"] if taken == "oracle" else values[PERCEPTUAL]

    def _measure(self, x: Rollout, batch: WindowBatch, T_world_cpf: Poses) -> dict[str, PerSample]:
        placement = T_world_cpf[:, None].expand(-1, x.shape[1], -1, -1)
        return self.reward.measure(x, batch, placement).values


def better_of(
    x: Rollout, score: PerSample, other: Rollout, other_score: PerSample
) -> tuple[Rollout, PerSample]:
    """For each sample, the motion with the higher reward; the first where they are equal."""
    better = other_score > score
    return torch.where(better[..., None, None], other, x), torch.maximum(score, other_score)
