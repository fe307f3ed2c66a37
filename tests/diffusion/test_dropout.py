"""Dropout takes no generator, yet a training with it resumes bit for bit, and sampling never uses it."""

from itertools import islice

import torch

from motiongrpo.base.checkpoint import Checkpoint, Header
from motiongrpo.base.network import restored
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.disturbance import DisturbanceConfig
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.training import PretrainingConfig, pretrain
from tests.bodies import FPS, open_body, window_batch
from tests.denoisers import small

OPTIMISER = OptimiserConfig(
    learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1.0, ema_decay=0.5
)
CONFIG = PretrainingConfig(
    init="random",
    egoallo=None,
    steps=4,
    batch_size=2,
    short_share=0.0,
    start_windows=2,
    checkpoint_every=4,
    validate_every=4,
    validation_windows=2,
    joint_loss=JointLossConfig(position=0, velocity=0),
    disturbance=DisturbanceConfig(
        share=0.5, floor_m=0.1, jitter_m=0.005, jitter_rad=0.01, gap_s=0.25, rate_hz=15
    ),
    seed=0,
    denoiser=small(dropout_p=0.3),
    optimiser=OPTIMISER,
)
OFF = JointLoss(open_body(), FPS, CONFIG.joint_loss)


def optimiser() -> Optimiser[Denoiser]:
    torch.manual_seed(0)
    return Optimiser(Denoiser(CONFIG.denoiser).double(), OPTIMISER)


def test_a_training_with_dropout_that_was_broken_off_ends_where_an_unbroken_one_ends():
    batch, whole, first, second = window_batch(count=2), optimiser(), optimiser(), optimiser()
    losses = [step.loss for step in pretrain(whole, lambda step: batch, batch, OFF, CONFIG)]
    list(islice(pretrain(first, lambda step: batch, batch, OFF, CONFIG), 2))
    torch.rand(3)  # whatever another process does with the global generator
    second.restore(first.state())
    rest = [step.loss for step in pretrain(second, lambda step: batch, batch, OFF, CONFIG)]
    assert rest == losses[2:]
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state().values(), second.state().values(), strict=True)
    )


def test_the_averaged_model_and_a_restored_one_do_not_drop():
    trained = optimiser()
    assert trained.model.training
    assert not any(module.training for module in trained.averaged.modules())
    header = Header(
        kind="denoiser",
        stage="",
        step=0,
        seed=0,
        architecture=CONFIG.denoiser.model_dump(),
        body_digest="",
        parameters={},
        inputs={},
        code_version="",
        metrics={},
    )
    again = restored(Checkpoint(header, trained.averaged_weights()), Denoiser)
    assert not again.training
