"""Gold and proxy of the same samples: what the metrics say of them, and what the rewards would pay for them.

Both are there for whoever wants to see a reward being hacked. Choosing the best of several samples by the
perceptual model also lives here, since metrics never see a reward.
"""

from dataclasses import dataclass

import torch

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.metrics.evaluation import EvaluationConfig, draw_samples, score_samples
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.hybrid import PERCEPTUAL, HybridReward
from motiongrpo.seeds import generator_for
from motiongrpo.shapes import PerSample, PerSequence, Rollout


@dataclass(frozen=True)
class Scorer:
    """Draws motions under one protocol and says both what they are worth and what they would be paid."""

    reward: HybridReward
    omega: dict[str, float]
    config: EvaluationConfig

    def score(
        self, denoiser: Denoiser, batch: WindowBatch, first: int, best_of: int = 1
    ) -> tuple[dict[str, PerSequence], dict[str, PerSequence]]:
        """Metrics and rewards per window, averaged over samples; `first` is the first window's number."""
        x = self.draw(denoiser, batch, first, best_of)
        paid = self.reward.rewards(self._measure(x, batch), self.omega)
        metrics = score_samples(x, batch, self.reward.body, self.reward.fps)
        return metrics, {term: reward.mean(1) for term, reward in paid.items()}

    def draw(self, denoiser: Denoiser, batch: WindowBatch, first: int, best_of: int) -> Rollout:
        """Every sample is the perceptual model's choice of `best_of`; the first of them is evaluation's."""
        x = draw_samples(denoiser, batch, self.config, self._generator(batch, first, 0))
        if best_of == 1:
            return x
        score = self._measure(x, batch)[PERCEPTUAL]
        for number in range(1, best_of):
            other = draw_samples(denoiser, batch, self.config, self._generator(batch, first, number))
            x, score = better_of(x, score, other, self._measure(other, batch)[PERCEPTUAL])
        return x

    def _measure(self, x: Rollout, batch: WindowBatch) -> dict[str, PerSample]:
        placement = batch.T_world_cpf[:, None, 1:].expand(-1, x.shape[1], -1, -1)
        return self.reward.measure(x, batch, placement).values

    def _generator(self, batch: WindowBatch, first: int, number: int) -> torch.Generator:
        address = ("evaluation", first, *(("candidate", number) if number else ()))
        return generator_for(self.config.seed, *address, device=batch.betas.device)


def better_of(
    x: Rollout, score: PerSample, other: Rollout, other_score: PerSample
) -> tuple[Rollout, PerSample]:
    """Sample by sample whichever scores higher; the first where they agree."""
    better = other_score > score
    return torch.where(better[..., None, None], other, x), torch.maximum(score, other_score)
