"""Small trainings in double precision, for tests that run them on several processes: a module of their own,
since a process that follows finds a training by its name."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import torch
from torch import Tensor

from motiongrpo.base.optimisation import Optimiser, WithCompanion
from motiongrpo.base.words import flattened
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.training import PretrainingLoss, pretrain
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.grpo import improve
from motiongrpo.rewards.training import hard_negatives, train_perceptual
from tests.bodies import FPS, open_body, window_batch
from tests.diffusion import test_training as pretraining
from tests.policy import test_grpo as grpo
from tests.rewards import test_training as rewards

JOINTS = JointLoss(open_body(), FPS, JointLossConfig(position=1.0, velocity=0.1))
NESTED = {"kind": "perlin", "scope": "nested", "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 8.0}
State = dict[str, Tensor]


def ragged(count: int) -> WindowBatch:
    """Windows of which some are shorter, so that no rank has as many real frames as another."""
    batch = window_batch(frames=6, count=count)
    return replace(batch, mask=torch.arange(6) < 3 + (torch.arange(count) % 4)[:, None])


def of_prior() -> State:
    settings = pretraining.pretraining_config(steps=2)
    settings = settings.model_copy(update={"disturbance": pretraining.disturbance(share=0.5)})
    optimiser = Optimiser(grpo.network(), settings.optimiser)
    records = list(pretrain(optimiser, lambda step: ragged(7), ragged(5), JOINTS, settings))
    return found(optimiser, records)


def of_reward_model() -> State:
    settings = rewards.config(steps=2, hard_negatives_per_step=3)
    optimiser = rewards.optimiser(settings)
    hard = hard_negatives(grpo.network(), ragged(4), settings.sampling, rewards.seeded())
    return found(optimiser, rewards.trained(optimiser, ragged(5), settings, hard))


def of_policy(kind: str) -> State:
    """Three updates of three groups under two head paths each; the perceptual model follows."""
    settings = grpo.config(updates=3, passes=2, conditions=3, noise=NESTED | {"octaves": 1})
    changes = {
        "credit": settings.credit.model_copy(update={"kind": kind}),
        "surrogate": settings.surrogate.model_copy(update={"anchor_share": 0.5}),
    }
    policy, coach = grpo.following(settings.model_copy(update=changes))
    coach = replace(coach, prior_loss=PretrainingLoss(JOINTS, pretraining.disturbance(share=0.5)))
    records = list(improve(policy, coach, coach.reward_scale()))
    return found(policy, records) | WithCompanion(policy, coach.online.training, "perceptual").state()


def found(optimiser: Optimiser, records: list) -> State:
    """The gradient of the last step, every number of the log, and the state."""
    gradient = {f"gradient.{n}": p.grad for n, p in optimiser.trained.items() if p.grad is not None}
    rows = [flattened(asdict(record), "_") for record in records]
    numbers = {
        f"row.{i}.{name}": torch.tensor(float(value))
        for i, row in enumerate(rows)
        for name, value in row.items()
        if isinstance(value, int | float)
    }
    return gradient | numbers | optimiser.state()


def trainings() -> Iterator[tuple[str, State]]:
    """Each training's findings, by name."""
    yield "pretraining", of_prior()
    yield "reward_model", of_reward_model()
    for kind in ("sample", "branch", "derivative"):
        yield kind, of_policy(kind)
