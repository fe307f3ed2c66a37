"""Reverse transitions of a Gaussian diffusion, and their log-density.

Notation follows DDIM (Song et al. 2021, arXiv:2010.02502), with its cumulative α written ᾱ as in
DDPM. A step goes from level t to a cleaner level s < t; it is linear in what is known:

    x_s ~ N(μ, σ² I),   μ = a x̂_0 + b x_t
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, Motion, NoiseLevel, PerSequence


@dataclass(frozen=True)
class Transition:
    """p(x_s | x_t) = N(mean, std² I)."""

    mean: Motion
    std: NoiseLevel

    def sample(self, noise: Motion) -> Motion:
        """The next state for standard normal `noise` of the same shape."""
        return self.mean + self.std * noise

    def log_prob(self, x_s: Motion, mask: FrameMask) -> PerSequence:
        """Log-density in nats, summed over features and real frames."""
        std = self.std.expand_as(self.mean)
        log_density = -0.5 * ((x_s - self.mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
        return torch.einsum("bfd,bf->b", log_density, mask.to(log_density))


@dataclass(frozen=True)
class ReverseStep:
    """The coefficients of one step, float64, one value per batch element or one for all."""

    a: NoiseLevel  # weight of x̂_0
    b: NoiseLevel  # weight of x_t
    std: NoiseLevel  # σ; zero at the last step, which has no density

    @property
    def sensitivity(self) -> NoiseLevel:
        """a/σ: KL(old‖new) of the step is half its square times ‖x̂_0_old − x̂_0_new‖².

        With η = 1, (a/σ)² = SNR(s) − SNR(t).
        """
        return self.a / self.std

    def transition(self, x_t: Motion, x_0: Motion) -> Transition:
        """The Gaussian over x_s; always computed in float32 or wider."""
        x_t, x_0 = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (x_t, x_0))
        a, b, std = (value.to(x_0)[..., None, None] for value in (self.a, self.b, self.std))
        return Transition(a * x_0 + b * x_t, std)


def ddim_step(alpha_bar_t: Float[Tensor, "*b"], alpha_bar_s: Float[Tensor, "*b"], eta: float) -> ReverseStep:
    """One DDIM step (eqs. 12 and 16). η = 1 is the DDPM posterior between the two levels.

    σ counts the stride: both ends' ᾱ enter. The step to s = 0 is deterministic for every η.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must lie in [0, 1], got {eta}")
    std = eta * ((1 - alpha_bar_s) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_s)).sqrt()
    b = ((1 - alpha_bar_s - std.square()) / (1 - alpha_bar_t)).sqrt()
    return ReverseStep(alpha_bar_s.sqrt() - b * alpha_bar_t.sqrt(), b, std)


EGOALLO_OFFSET = 0.1


def egoallo_step(
    alpha_bar_t: Float[Tensor, "*b"],
    alpha_bar_tm1: Float[Tensor, "*b"],
    alpha_bar_s: Float[Tensor, "*b"],
    offset: float = EGOALLO_OFFSET,
) -> ReverseStep:
    """EgoAllo's published step, for comparison: not DDIM.

    σ is 0.8 times the deviation of a *one-level* step from t, whatever the stride, and 0.1 is added
    under the root of the implied noise, which shrinks it; an `offset` of 0 leaves the 0.1 out and keeps
    the rest. `alpha_bar_tm1` is ᾱ one level below t.
    """
    std = 0.8 * ((1 - alpha_bar_tm1) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_tm1)).sqrt()
    std = torch.where(alpha_bar_s == 1, torch.zeros_like(std), std)
    kept = 1 - alpha_bar_s - std.square()
    if bool((kept < 0).any()):
        raise ValueError("steps must be at least 6 for egoallo's σ to fit into the noise of the next level")
    b = (kept / (1 + offset - alpha_bar_t)).sqrt()
    return ReverseStep(alpha_bar_s.sqrt() - b * alpha_bar_t.sqrt(), b, std)
