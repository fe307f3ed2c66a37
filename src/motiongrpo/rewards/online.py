"""The perceptual model kept up to date while a policy is post-trained: a defence against reward hacking.

Every few updates it takes a few steps of its first training, with samples of the policy as it is now for hard
negatives, and is calibrated anew. Scores from before and after a refresh are not comparable.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.examination import Examiner, fit_calibration
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput, RewardModelConfig, contrast, hard_negatives


class RefreshConfig(Config):
    """How often and how far the perceptual model follows the policy; the rest is as in its first training."""

    every_updates: int = Field(ge=1)
    steps: int = Field(ge=1)  # of one refresh
    hard_negative_windows: int = Field(ge=1)  # sampled anew from the policy, three states each
    optimiser: OptimiserConfig  # its own, whose state lives as long as the policy's


@dataclass(frozen=True)
class OnlineReward:
    """φ in training. The moving average of its weights is what judges, and it changes in place."""

    training: Optimiser[PerceptualModel]
    recipe: RewardModelConfig  # of its first training: batches, corruptions, temperature
    config: RefreshConfig
    examiner: Examiner  # held-out motion, for the calibration
    windows: Callable[..., WindowBatch]  # (count, *address) → training windows
    seed: int

    @property
    def version(self) -> int:
        """How often φ was refreshed; 0 is the reward model it began as."""
        return self.training.steps // self.config.steps

    def is_due(self, update: int) -> bool:
        """Whether φ is refreshed before this update, counted from 1; never before the first."""
        return update > 1 and (update - 1) % self.config.every_updates == 0

    def refresh(self, policy: Denoiser, sampling: SamplingConfig) -> dict[str, float]:
        """Train on samples of the present policy, then calibrate. Returns mean loss and pair accuracy.

        The score keeps its meaning, the probability on held-out motion that a motion is real and not a
        fake, but the fakes are now those of this policy.
        """
        version = self.version + 1
        batch = self.windows(self.config.hard_negative_windows, "refresh samples", version)
        hard = self._samples(policy, batch, sampling, version)
        steps = [self._step(hard) for _ in range(self.config.steps)]
        held_out = self._samples(policy, self.examiner.batch, sampling, version, "held out")
        calibration = fit_calibration(self.training.averaged, self.examiner, held_out)
        for model in (self.training.averaged, self.training.model):
            model.calibration.copy_(calibration)
        losses, accuracies = zip(*steps, strict=True)
        return {"loss": sum(losses) / len(steps), "pair_accuracy": sum(accuracies) / len(steps)}

    def _step(self, hard: PerceptualInput) -> tuple[float, float]:
        step = self.training.steps + 1
        batch = self.windows(self.recipe.batch_size, "refresh", step)
        generator = generator_for(self.seed, "refresh", step)
        told = contrast(
            self.training, batch, hard, self.examiner.body, self.examiner.fps, self.recipe, generator
        )
        return told.loss, told.pair_accuracy

    def _samples(
        self, policy: Denoiser, batch: WindowBatch, sampling: SamplingConfig, *address: str | int
    ) -> PerceptualInput:
        generator = generator_for(self.seed, "refresh samples", *address, device=batch.betas.device)
        return hard_negatives(policy, batch, sampling, generator)
