"""Transformer blocks of the denoiser: rotary positions, post-normalisation, masks on keys."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

ROPE_BASE = 10000.0

Tokens = Float[Tensor, "row token latent"]
KeyMask = Bool[Tensor, "row token"]
Memory = Float[Tensor, "condition token latent"]
MemoryMask = Bool[Tensor, "condition token"]


class RotaryEmbedding(nn.Module):
    """Rotates interleaved pairs of a head's features by position (Su et al. 2021, arXiv:2104.09864)."""

    def __init__(self, head_features: int) -> None:
        super().__init__()
        exponents = torch.arange(0, head_features, 2).float() / head_features
        self.freqs = nn.Parameter(1.0 / ROPE_BASE**exponents, requires_grad=False)

    def forward(self, x: Float[Tensor, "row head token channel"], period: int) -> Tensor:
        """Positions count 0 … period − 1 and start again, for several sequences laid end to end."""
        position = torch.arange(x.shape[-2], device=x.device) % period
        angle = position[:, None] * self.freqs[None]
        cos, sin = angle.cos(), angle.sin()
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


class EncoderLayer(nn.Module):
    """x ← LN(x + self-attention(x)); x ← LN(x + MLP(x))."""

    def __init__(self, d_latent: int, d_feedforward: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.sattn_qkv_proj = nn.Linear(d_latent, 3 * d_latent, bias=False)
        self.sattn_out_proj = nn.Linear(d_latent, d_latent, bias=False)
        self.layernorm1 = nn.LayerNorm(d_latent)
        self.layernorm2 = nn.LayerNorm(d_latent)
        self.rotary_emb = RotaryEmbedding(d_latent // heads)
        self.mlp0 = nn.Linear(d_latent, d_feedforward)
        self.mlp1 = nn.Linear(d_feedforward, d_latent)

    def forward(self, x: Tokens, key_mask: KeyMask | None) -> Tokens:
        return self.transform(self.attend_to_self(x, key_mask))

    def attend_to_self(self, x: Tokens, key_mask: KeyMask | None) -> Tokens:
        q, k, v = self.sattn_qkv_proj(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.rotary_emb(q, x.shape[1]), self.rotary_emb(k, x.shape[1])
        return self.layernorm1(x + self.sattn_out_proj(_attention(q, k, v, key_mask)))

    def transform(self, x: Tokens) -> Tokens:
        return self.layernorm2(x + self.mlp1(F.gelu(self.mlp0(x))))


class DecoderLayer(EncoderLayer):
    """An encoder layer with cross-attention to the condition between its halves.

    Queries come in groups: `x` has a whole number of rows per row of `memory`, and the rows that
    share a condition attend to one set of keys, which is projected once.
    """

    def __init__(self, d_latent: int, d_feedforward: int, heads: int) -> None:
        super().__init__(d_latent, d_feedforward, heads)
        self.xattn_kv_proj = nn.Linear(d_latent, 2 * d_latent, bias=False)
        self.xattn_q_proj = nn.Linear(d_latent, d_latent, bias=False)
        self.xattn_layernorm = nn.LayerNorm(d_latent)
        self.xattn_out_proj = nn.Linear(d_latent, d_latent, bias=False)

    def decode(
        self, x: Tokens, memory: Memory, self_mask: KeyMask | None, memory_mask: MemoryMask | None
    ) -> Tokens:
        x = self.attend_to_self(x, self_mask)
        return self.transform(self.xattn_layernorm(x + self._attend_to(x, memory, memory_mask)))

    def _attend_to(self, x: Tokens, memory: Memory, memory_mask: MemoryMask | None) -> Tokens:
        conditions, tokens = memory.shape[:2]
        q = self.xattn_q_proj(x).view(conditions, -1, self.heads, x.shape[-1] // self.heads).transpose(1, 2)
        k, v = self.xattn_kv_proj(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.rotary_emb(q, tokens), self.rotary_emb(k, tokens)
        return self.xattn_out_proj(_attention(q, k, v, memory_mask)).view_as(x)


def _attention(q: Tensor, k: Tensor, v: Tensor, key_mask: KeyMask | None) -> Tensor:
    mask = None if key_mask is None else key_mask[:, None, None, :]
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return attended.transpose(1, 2).flatten(-2)
