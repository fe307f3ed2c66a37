"""A policy with closed forms for all expectations: x̂_0 = gain_t · x_t + bias_t, one pair per level.

The chain is then Gaussian, and its mean, its variance and any quadratic reward are computed exactly.
"""

import itertools

import torch
from torch import nn

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import reverse_step
from motiongrpo.diffusion.schedule import cosine_alpha_bar, squared_levels
from motiongrpo.diffusion.transition import ddim_step
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.perlin import NoiseConfig
from motiongrpo.policy.rollout import RolloutConfig
from tests.denoisers import small

TARGET = 0.5
FRAMES = 2


class LinearPolicy(Denoiser):
    """The policy: all features of a frame are treated alike, and the condition is ignored."""

    def __init__(self, steps: int, seed: int = 0) -> None:
        nn.Module.__init__(self)
        self.config = small()
        torch.manual_seed(seed)
        self.levels = squared_levels(steps)[:-1]
        alpha_bar = cosine_alpha_bar()[self.levels]
        self.gain = nn.Parameter(alpha_bar.sqrt() + 0.05 * torch.randn(steps).double())
        self.bias = nn.Parameter(0.2 * torch.randn(steps).double())

    def forward(self, x_t, t, condition, mask):
        i = self.levels.index(int(t[0]))
        return self.gain[i] * x_t + self.bias[i]


def noise(scope: str = "group", tracks: int = 1) -> NoiseConfig:
    """No noise; the scope determines which samples are compared."""
    return NoiseConfig(
        kind="none", scope=scope, tracks=tracks, amplitude_m=0.0, spacing_frames=16.0, octaves=1
    )


def rollout_config(steps: int, group_size: int, **changes) -> RolloutConfig:
    values = {
        "conditions": 1,
        "conditions_at_once": 99,
        "group_size": group_size,
        "initial_noise": "own",
        "trained_steps": steps,
        "lowest_level": 1,
        "noise": noise(),
        "sampling": {"steps": steps, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0},
    }
    return RolloutConfig(**values | changes)


def windows(count: int, *address) -> WindowBatch:
    """Conditions without information."""
    pose = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.6], dtype=torch.float64)
    return WindowBatch(
        betas=torch.zeros(count, 16, dtype=torch.float64),
        q_parent_joint=torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).expand(count, FRAMES, 21, 4),
        contacts=torch.zeros(count, FRAMES, 21, dtype=torch.bool),
        T_world_cpf=pose.expand(count, FRAMES + 1, 7),
        mask=torch.ones(count, FRAMES, dtype=torch.bool),
    )


def reward(x: torch.Tensor) -> torch.Tensor:
    """Minus the mean squared distance to the target."""
    return -(x - TARGET).square().mean(dim=(-1, -2))


def expected_reward(policy: LinearPolicy, config: RolloutConfig) -> torch.Tensor:
    """J in closed form, from mean and variance of the state along the chain."""
    mean, variance = torch.zeros(()).double(), torch.ones(()).double()
    levels = squared_levels(config.sampling.steps)
    for i, (t, s) in enumerate(itertools.pairwise(levels)):
        step = reverse_step(t, s, config.sampling)
        a, b = (1.0, 0.0) if s == 0 else (step.a, step.b)
        slope = a * policy.gain[i] + b
        mean, variance = slope * mean + a * policy.bias[i], slope**2 * variance + step.std**2
    return -((mean - TARGET) ** 2 + variance)


def first_step_divergence(policy: LinearPolicy, reference: LinearPolicy) -> torch.Tensor:
    """KL per dimension of the first step, whose state is N(0, 1) for any policy."""
    alpha_bar = cosine_alpha_bar()
    t, s = policy.levels[0], policy.levels[1]
    change = (policy.gain[0] - reference.gain[0]) ** 2 + (policy.bias[0] - reference.bias[0]) ** 2
    return 0.5 * ddim_step(alpha_bar[t], alpha_bar[s], eta=1.0).sensitivity ** 2 * change
