"""Small trainings in double precision, for tests that run them on several processes.

A module of their own, since a process that follows finds a training by its name.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial

import torch
from torch import Tensor

from motiongrpo.base.optimisation import Learner, Optimiser, WithCompanion
from motiongrpo.base.words import flattened
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.training import PretrainingLoss, pretrain
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.grpo import improve
from motiongrpo.rewards.training import hard_negatives
from tests.bodies import FPS, open_body, window_batch
from tests.diffusion import test_training as pretraining
from tests.policy import test_grpo as grpo
from tests.rewards import test_training as rewards

JOINTS = JointLoss(open_body(), FPS, JointLossConfig(position=1.0, velocity=0.1))
NESTED = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 8.0}

State = dict[str, Tensor]


def ragged(count: int) -> WindowBatch:
    """Windows of which some are shorter, so that not all rows weigh the same."""
    batch = window_batch(frames=6, count=count)
    return replace(batch, mask=torch.arange(6) < 3 + (torch.arange(count) % 4)[:, None])


def prior(steps: int, begun: State | None = None, threads: int = 0) -> State:
    """Seven windows a step, under both losses and disturbed paths."""
    settings = pretraining.pretraining_config(steps)
    settings = settings.model_copy(update={"disturbance": pretraining.disturbance(share=0.5)})
    optimiser = Optimiser(grpo.network(), settings.optimiser)
    if begun:
        optimiser.restore(begun)
    records = list(pretrain(optimiser, lambda step: ragged(7), ragged(5), JOINTS, settings, threads))
    return found(optimiser, records, optimiser)


def judge(steps: int, begun: State | None = None) -> State:
    """Every negative of a batch against every positive."""
    settings = rewards.config(steps=steps, hard_negatives_per_step=3)
    optimiser = rewards.optimiser(settings)
    if begun:
        optimiser.restore(begun)
    hard = hard_negatives(grpo.network(), ragged(4), settings.sampling, rewards.seeded())
    records = rewards.trained(optimiser, window_batch(frames=6, count=5), settings, hard)
    return found(optimiser, records, optimiser)


def policy(kind: str, updates: int, begun: State | None = None) -> State:
    """Three groups an update, each under two head paths; the perceptual model is paid for, and follows."""
    settings = grpo.config(updates=updates, conditions=3, noise=NESTED | {"octaves": 1})
    changes = {
        "credit": settings.credit.model_copy(update={"kind": kind}),
        "surrogate": settings.surrogate.model_copy(update={"anchor_share": 0.5}),
    }
    training, coach = grpo.following(settings.model_copy(update=changes))
    online = replace(coach.online, config=coach.online.config.model_copy(update={"every_updates": 1}))
    learner = WithCompanion(training, online.training, "perceptual")
    if begun:
        learner.restore(begun)
    loss = PretrainingLoss(JOINTS, pretraining.disturbance(share=0.5))
    coach = replace(coach, online=online, prior_loss=loss)
    return found(training, list(improve(training, coach, coach.reward_scale())), learner)


def found(optimiser: Optimiser, records: list, learner: Learner) -> State:
    """The last gradient, the numbers that the last step tells, and the state.

    Without the share of pairs in the right order, since rounding decides where two logits are equal.
    """
    told = {n: v for n, v in flattened(asdict(records[-1]), "_").items() if isinstance(v, int | float)}
    numbers = {f"told.{n}": torch.tensor(float(v)) for n, v in told.items() if "pair_accuracy" not in n}
    gradient = {f"gradient.{n}": p.grad for n, p in optimiser.trained.items() if p.grad is not None}
    return learner.state() | gradient | numbers


TRAININGS = {
    "pretraining": prior,
    "reward_model": judge,
    "sample": partial(policy, "sample"),
    "branch": partial(policy, "branch"),
    "derivative": partial(policy, "derivative"),
}


def begun_and_continued(begun_elsewhere: dict[str, State]) -> Iterator[tuple[str, State, State]]:
    """Of every training its first step, and its second from a state that was made elsewhere."""
    for name, train in TRAININGS.items():
        yield name, train(1), train(2, begun_elsewhere[name])


def drawn_ahead(steps: int) -> Iterator[tuple[State, State]]:
    """Pretraining whose draws are made in its steps, and one whose draws processes make ahead, in turns."""
    yield prior(steps), prior(steps, threads=2)
