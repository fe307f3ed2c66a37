"""The noise schedule: cosine (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17), float64.

A level t runs from 0 (clean) to LEVELS (noise). ᾱ is cumulative: x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

LEVELS = 1000
OFFSET = 0.008
MAX_BETA = 0.999


def cosine_alpha_bar() -> Float64[Tensor, "1001"]:
    """ᾱ at every level, index 0 being 1.0.

    The closed form is cut into one-level βs, clipped at MAX_BETA and accumulated again, so that
    the last level keeps a trace of signal.
    """
    x = torch.linspace(0, 1, LEVELS + 1, dtype=torch.float64)
    closed = torch.cos((x + OFFSET) / (1 + OFFSET) * torch.pi / 2).square()
    closed = closed / closed[0]
    beta = (1 - closed[1:] / closed[:-1]).clamp(0, MAX_BETA)
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])


def signal_to_noise(alpha_bar: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """SNR = ᾱ / (1−ᾱ); infinite at level 0."""
    return alpha_bar / (1 - alpha_bar)


def squared_levels(steps: int) -> list[int]:
    """`steps` + 1 levels from LEVELS down to 0, dense near the clean end; 30 steps are EgoAllo's list.

    The squares of 30k/steps, with the largest replaced by LEVELS.
    """
    if not 2 <= steps <= 30:
        raise ValueError(f"steps must lie in 2…30, where squared levels are distinct, got {steps}")
    squares = [round((30 * k / steps) ** 2) for k in range(steps)]
    return [LEVELS, *reversed(squares)]
