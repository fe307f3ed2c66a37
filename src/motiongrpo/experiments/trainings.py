"""The trained controls of an ablation: continued pretraining, and supervised fine-tuning."""

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.supervised import SupervisedConfig, fine_tune
from motiongrpo.rewards.hybrid import HybridReward
from motiongrpo.training.loop import Steps, checkpointed, resume
from motiongrpo.training.materials import Materials
from motiongrpo.training.pretraining import pretraining_steps


def continue_pretraining(materials: Materials, state: Checkpoint | None, config: PretrainingConfig) -> Steps:
    """Pretraining from the pretrained weights, with a new random stream of batches."""
    training = materials.training("continued_pretraining", config)
    optimiser = materials.optimiser(config.optimiser)
    yield from pretraining_steps(materials, state, config, optimiser, training, "continued")


def supervise(
    materials: Materials,
    state: Checkpoint | None,
    config: SupervisedConfig,
    reward: HybridReward,
    omega: dict[str, float],
) -> Steps:
    """Supervised fine-tuning from the pretrained weights, on whole windows like GRPO."""
    training = materials.training("supervised_fine_tuning", config)
    optimiser = materials.optimiser(config.optimiser)
    progress = resume(optimiser, state, training)
    supply = materials.supply(config.seed)
    records = fine_tune(
        optimiser,
        lambda step: supply.batch(config.batch_size, "supervised", step),
        reward,
        omega,
        config,
    )
    yield from checkpointed(records, optimiser, training, progress)
