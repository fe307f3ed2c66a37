"""Pretraining from stored artefacts: a denoiser, initialised at the scale of the data, learns motion."""

import torch

from motiongrpo.base.ahead import threads_ahead
from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.errors import InputError
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.row_parallel import team
from motiongrpo.base.seeds import generator_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.training import PretrainingConfig, pretrain, start_from_data
from motiongrpo.training.loop import Steps, Training, checkpointed, resume
from motiongrpo.training.materials import Materials


def train_prior(
    materials: Materials, state: Checkpoint | None, config: PretrainingConfig, sampling: SamplingConfig
) -> Steps:
    """Train from the last saved state to the end; checkpoints record `sampling` as their sampler."""
    if team().size > 1 and config.denoiser.dropout_p > 0:
        raise InputError(
            f"several processes cannot draw one dropout, got pretraining.denoiser.dropout_p="
            f"{config.denoiser.dropout_p:g}; set it to 0 or pass processes=1"
        )
    torch.manual_seed(config.seed)
    denoiser = Denoiser(config.denoiser)
    first = materials.supply(config.seed, config.short_share).batch(config.start_windows, "start").to("cpu")
    start_from_data(denoiser, first, generator_for(config.seed, "start"))
    network = materials.at_speed(denoiser.to(materials.device))
    optimiser = Optimiser(network, config.optimiser)
    training = materials.training("pretraining", config, sampling=sampling)
    yield from pretraining_steps(materials, state, config, optimiser, training, "pretraining")


def pretraining_steps(
    materials: Materials,
    state: Checkpoint | None,
    config: PretrainingConfig,
    optimiser: Optimiser,
    training: Training,
    purpose: str,
) -> Steps:
    """The steps of an optimiser from its last saved state; batches are drawn under the address `purpose`."""
    progress = resume(optimiser, state, training)
    supply = materials.supply(config.seed, config.short_share)
    records = pretrain(
        optimiser,
        lambda step: supply.batch(config.batch_size, purpose, step),
        materials.held_out("validation", config.validation_windows),
        materials.joint_loss(config.joint_loss),
        config,
        threads_ahead(materials.device),
    )
    yield from checkpointed(records, optimiser, training, progress)
