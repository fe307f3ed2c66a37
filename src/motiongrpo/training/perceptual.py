"""Training of the perceptual reward model from stored artefacts: it learns to tell true motion from false."""

import logging

import torch

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import generator_for
from motiongrpo.base.words import counted
from motiongrpo.motion.windows import TrainingWindows
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput, RewardModelConfig, hard_negatives, train_perceptual
from motiongrpo.training.loop import Steps, checkpointed, resume
from motiongrpo.training.materials import Materials

logger = logging.getLogger(__name__)


def train_judge(materials: Materials, state: Checkpoint | None, config: RewardModelConfig) -> Steps:
    """Train from the last saved state to the end, on the motion that the denoiser was pretrained on."""
    torch.manual_seed(config.seed)
    optimiser = Optimiser(PerceptualModel(config.model).to(materials.device), config.optimiser)
    training = materials.training("reward_model", config, architecture=config.model, kind="reward_model")
    progress = resume(optimiser, state, training)
    supply = materials.supply(config.seed)
    records = train_perceptual(
        optimiser,
        lambda step: supply.batch(config.batch_size, "reward_model", step),
        _hard_negatives(materials, supply, config),
        materials.body,
        materials.motions.header.fps,
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)


def _hard_negatives(
    materials: Materials, supply: TrainingWindows, config: RewardModelConfig
) -> PerceptualInput | None:
    """Samples of the pretrained denoiser on training windows, the same ones after every resume."""
    count = config.hard_negative_windows
    if count == 0:
        return None
    logger.info(
        "reward model: first the denoiser draws %s to be told from true ones", counted(count, "motion")
    )
    batch = supply.batch(count, "hard negatives")
    generator = generator_for(config.seed, "hard negatives", device=materials.device)
    return hard_negatives(materials.denoiser(), batch, config.sampling, generator)
