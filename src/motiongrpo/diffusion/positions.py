"""Position encodings: rotations of queries and keys, or sinusoids added to the token."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

BASE = 10000.0


class RotaryEmbedding(nn.Module):
    """Rotates interleaved pairs of a head's features by position (Su et al. 2021, arXiv:2104.09864)."""

    def __init__(self, head_features: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(rotary_frequencies(head_features), requires_grad=False)

    def forward(self, x: Float[Tensor, "row head token channel"], period: int) -> Tensor:
        """Positions count 0 … period − 1 and start again, for several sequences laid end to end."""
        position = torch.arange(x.shape[-2], device=x.device) % period
        angle = position[:, None] * self.freqs[None]
        turn = torch.polar(torch.ones_like(angle), angle)
        wide = x.to(torch.promote_types(x.dtype, angle.dtype))  # no complex number has bfloat16 parts
        pairs = torch.view_as_complex(wide.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turn).flatten(-2)


def rotary_frequencies(head_features: int) -> Float[Tensor, " pair"]:
    """Radians a position, 1 / BASE^(2i / features), float32 as in EgoAllo's files."""
    return 1.0 / BASE ** (torch.arange(0, head_features, 2).float() / head_features)


def interleaved_sinusoids(tokens: int, width: int) -> Float[Tensor, "token width"]:
    """Sines in even places, cosines in odd ones (Vaswani et al. 2017, arXiv:1706.03762), float64."""
    rate = BASE ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(tokens)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)
