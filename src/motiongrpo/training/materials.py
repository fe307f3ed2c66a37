"""The inputs of trainings and studies: motion and its division, a body, stored networks, a device."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from motiongrpo.base.checkpoint import Checkpoint, Kind
from motiongrpo.base.compilation import Compiler, with_compiler
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import architecture_of, restored
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.precision import Precision, with_precision
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.diffusion.disturbance import DisturbanceConfig
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.trained import usage_from
from motiongrpo.diffusion.training import PretrainingLoss
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import TrainingWindows, WindowBatch, WindowConfig, read_rows, split_rows
from motiongrpo.rewards.hybrid import HybridReward, RewardConfig
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.training.loop import Training, table_digest

USAGE_WINDOWS = 512  # windows whose head paths characterise a denoiser's training


@dataclass(frozen=True)
class Materials:
    """Stored artefacts, and what is built from them; InputError where they were made for other bodies."""

    motions: MotionStore
    windows: pd.DataFrame  # the window table, with its splits
    body: BodyModel
    window: WindowConfig
    device: str
    precision: Precision = "fp32"  # of the denoiser's forward pass, while it trains; so is the next
    compiler: Compiler | None = None
    pretrained: Checkpoint | None = None
    reward_model: Checkpoint | None = None
    planned: DenoiserConfig | None = None  # for a denoiser that is yet to be pretrained

    def __post_init__(self) -> None:
        refuse_other_body(self.body, self.motions, **self._stored)

    @property
    def inputs(self) -> dict[str, str]:
        """The digests of everything a training learns from and starts from, by catalog name."""
        given = {"motions": self.motions.digest, "windows": table_digest(self.windows)}
        return given | {name: checkpoint.header.weights for name, checkpoint in self._stored.items()}

    @cached_property
    def architecture(self) -> DenoiserConfig:
        """The denoiser's architecture: the planned one, or that of the pretrained denoiser."""
        return self.planned or architecture_of(_given(self.pretrained, "pretrained_denoiser"), Denoiser)

    def denoiser(self) -> Denoiser:
        """A new copy of the pretrained denoiser, in evaluation mode on the device."""
        return restored(_given(self.pretrained, "pretrained_denoiser"), Denoiser).to(self.device)

    def optimiser(self, config: OptimiserConfig) -> Optimiser[Denoiser]:
        """A new optimiser at the pretrained weights."""
        return Optimiser(self.at_speed(self.denoiser()), config)

    def at_speed(self, denoiser: Denoiser) -> Denoiser:
        """The denoiser itself, which now runs in the precision and by the compiler of trainings."""
        return with_precision(with_compiler(denoiser, self.compiler), self.precision)

    def judge(self) -> PerceptualModel:
        """A new copy of the perceptual reward model φ, in evaluation mode on the device."""
        return restored(_given(self.reward_model, "reward_model"), PerceptualModel).to(self.device)

    def reward(self, config: RewardConfig, judge: PerceptualModel | None = None) -> HybridReward:
        """The hybrid reward under these parameters; φ is the stored one unless a judge is given."""
        judge = (judge or self.judge()).requires_grad_(False)
        return HybridReward(self.body, self.motions.header.fps, config, judge)

    def joint_loss(self, config: JointLossConfig) -> JointLoss:
        """The loss in joint space under these weights."""
        return JointLoss(self.body, self.motions.header.fps, config)

    def anchor_loss(self) -> PretrainingLoss | None:
        """The whole loss that the pretrained denoiser was trained with; None for one from elsewhere."""
        kept = _given(self.pretrained, "pretrained_denoiser").header.parameters
        if "joint_loss" not in kept:
            return None
        disturbance = kept.get("disturbance")  # priors of earlier versions were trained on true paths only
        return PretrainingLoss(
            self.joint_loss(JointLossConfig.model_validate(kept["joint_loss"])),
            DisturbanceConfig.model_validate(disturbance) if disturbance else None,
        )

    def supply(self, seed: int, short_share: float = 0.0) -> TrainingWindows:
        """Training windows on the device, each batch addressed by its purpose."""
        spans, hands = split_rows(self.windows, "train"), self.architecture.include_hands
        return TrainingWindows(self.motions, spans, self.window, hands, short_share, seed, self.device)

    def held_out(self, split: Literal["validation", "test"], at_most: int) -> WindowBatch:
        """Windows of a split, evenly spaced over it, on the device."""
        rows, hands = split_rows(self.windows, split, at_most), self.architecture.include_hands
        return read_rows(self.motions, rows, self.window, hands).to(self.device)

    def training(
        self,
        stage: str,
        config: TrainingConfig,
        length: Literal["steps", "updates"] = "steps",
        architecture: Config | None = None,
        kind: Kind = "denoiser",
        sampling: SamplingConfig | None = None,
    ) -> Training:
        """The description of a training on these materials, by default that of a denoiser.

        With `sampling`, its checkpoints record how they are used, and under which head paths they were
        trained.
        """
        return Training(
            stage=stage,
            kind=kind,
            config=config,
            architecture=architecture or self.architecture,
            inputs=self.inputs,
            body_digest=self.body.digest,
            length=length,
            usage=None if sampling is None else self._usage(config.seed, sampling),
        )

    def _usage(self, seed: int, sampling: SamplingConfig) -> dict[str, Any]:
        windows = self.supply(seed).batch(USAGE_WINDOWS, "usage")
        return usage_from(windows, self.motions.header.fps, sampling)

    @property
    def _stored(self) -> dict[str, Checkpoint]:
        stored = {"pretrained_denoiser": self.pretrained, "reward_model": self.reward_model}
        return {name: checkpoint for name, checkpoint in stored.items() if checkpoint is not None}


def refuse_other_body(body: BodyModel, motions: MotionStore, **checkpoints: Checkpoint) -> None:
    """Raise InputError where motion or a checkpoint was made with another body file than the given one."""
    digests = {name: checkpoint.header.body_digest for name, checkpoint in checkpoints.items()}
    remedy = {"the motion store": "ingest again"} | dict.fromkeys(digests, "train again")
    for name, digest in ({"the motion store": motions.header.body_digest} | digests).items():
        if digest != body.digest:
            raise InputError(
                f"{name} was made with another body file than '{body.name}'; pass that file with "
                f"--params body=FILE, or {remedy[name]} under another name with --params run=NAME"
            )


def _given(checkpoint: Checkpoint | None, name: str) -> Checkpoint:
    if checkpoint is None:
        raise InputError(f"'{name}' is needed here and was not given")
    return checkpoint
