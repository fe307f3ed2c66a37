"""The trainings of an ablation: GRPO as the grpo pipeline runs it, and the controls beside it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from motiongrpo.base.checkpoint import Checkpoint, TrainingCheckpoint, architecture_of
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.precision import Precision, with_precision
from motiongrpo.base.training import Rows, Training, checkpointed, restored, resume, table_digest
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.diffusion.training import PretrainingConfig, pretrain
from motiongrpo.experiments.supervised import SupervisedConfig, fine_tune
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowConfig, read_rows, split_rows
from motiongrpo.pipelines.grpo.nodes import post_train
from motiongrpo.policy.grpo import GrpoConfig
from motiongrpo.rewards.hybrid import HybridReward

Steps = Iterator[tuple[Rows, TrainingCheckpoint]]


@dataclass(frozen=True)
class Materials:
    """What every cell is made from."""

    motions: MotionStore
    windows: pd.DataFrame
    body: BodyModel
    denoiser: Checkpoint
    reward_model: Checkpoint
    window: WindowConfig
    device: str
    precision: Precision

    @property
    def architecture(self) -> DenoiserConfig:
        return architecture_of(self.denoiser.header, DenoiserConfig)

    @property
    def inputs(self) -> dict[str, str]:
        """The digest of every input that cells are made from, by catalog name."""
        return {
            "motions": self.motions.digest,
            "windows": table_digest(self.windows),
            "pretrained_denoiser": self.denoiser.header.weights,
            "reward_model": self.reward_model.header.weights,
        }

    def pretrained(self) -> Denoiser:
        return restored(self.denoiser, Denoiser(self.architecture)).to(self.device)

    def optimiser(self, config: OptimiserConfig) -> Optimiser[Denoiser]:
        """At the pretrained weights, with nothing remembered of how they were reached."""
        return Optimiser(with_precision(self.pretrained(), self.precision), config)

    def supply(self, short_share: float, seed: int) -> TrainingWindows:
        spans, hands = split_rows(self.windows, "train"), self.architecture.include_hands
        return TrainingWindows(self.motions, spans, self.window, hands, short_share, seed)

    def training(self, stage: str, config: PretrainingConfig | SupervisedConfig) -> Training:
        return Training(
            stage=stage,
            kind="denoiser",
            config=config,
            architecture=self.architecture,
            inputs=self.inputs,
            body_digest=self.body.digest,
            seed=config.seed,
            length="steps",
            checkpoint_every=config.checkpoint_every,
        )


def train_grpo(materials: Materials, state: Checkpoint | None, config: GrpoConfig) -> Steps:
    """As the grpo pipeline does it; its diversity log is part of its log already."""
    m = materials
    given = (m.motions, m.windows, m.body, m.denoiser, m.reward_model, state, config)
    for rows, _, checkpoint in post_train(*given, m.window, m.device, m.precision):
        yield rows, checkpoint


def train_longer(materials: Materials, state: Checkpoint | None, config: PretrainingConfig) -> Steps:
    """Pretraining from the pretrained weights, on batches it has not seen in this order."""
    training = materials.training("continued_pretraining", config)
    optimiser = materials.optimiser(config.optimiser)
    progress = resume(optimiser, state, training)
    supply = materials.supply(config.short_share, config.seed)
    held_out = split_rows(materials.windows, "validation", config.validation_windows)
    validation = read_rows(materials.motions, held_out, materials.window, supply.hands).to(materials.device)

    records = pretrain(
        optimiser,
        lambda step: supply.batch(config.batch_size, "continued", step).to(materials.device),
        validation,
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)


def train_supervised(
    materials: Materials,
    state: Checkpoint | None,
    config: SupervisedConfig,
    reward: HybridReward,
    omega: dict[str, float],
) -> Steps:
    """Supervised fine-tuning from the pretrained weights, on whole windows as GRPO takes them."""
    training = materials.training("supervised_fine_tuning", config)
    optimiser = materials.optimiser(config.optimiser)
    progress = resume(optimiser, state, training)
    supply = materials.supply(0.0, config.seed)
    records = fine_tune(
        optimiser,
        lambda step: supply.batch(config.batch_size, "supervised", step).to(materials.device),
        reward,
        omega,
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)
