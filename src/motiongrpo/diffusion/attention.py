"""Transformer blocks of the denoiser: post-normalisation, masks on keys, and the positions of tokens."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongrpo.diffusion.architecture import DenoiserConfig

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


Tokens = Float[Tensor, "row token latent"]
KeyMask = Bool[Tensor, "row token"]
Memory = Float[Tensor, "condition token latent"]
MemoryMask = Bool[Tensor, "condition token"]
NoiseEmbedding = Float[Tensor, "row noise"]

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


class EncoderLayer(nn.Module):
    """x ← LN(x + self-attention(x)); x ← LN(x + MLP(x))."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config, self.heads = config, config.num_heads
        d, hidden = config.d_latent, config.d_feedforward
        self.sattn_qkv_proj = nn.Linear(d, 3 * d, bias=False)
        self.sattn_out_proj = nn.Linear(d, d, bias=False)
        self.layernorm1, self.layernorm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.rotary_emb = RotaryEmbedding(d // self.heads) if config.positional_encoding == "rope" else None
        self.mlp0, self.mlp1 = nn.Linear(d, hidden), nn.Linear(hidden, d)
        self.activation = ACTIVATIONS[config.activation]()
        self.mlp_film_cond_proj = None
        if config.noise_conditioning == "film":
            self.mlp_film_cond_proj = nn.Linear(config.d_noise_emb, 2 * hidden, bias=False)
            nn.init.zeros_(self.mlp_film_cond_proj.weight)

    def forward(self, x: Tokens, key_mask: KeyMask | None, noise_emb: NoiseEmbedding) -> Tokens:
        return self.transform(self.attend_to_self(x, key_mask), noise_emb)

    def attend_to_self(self, x: Tokens, key_mask: KeyMask | None) -> Tokens:
        q, k, v = self.sattn_qkv_proj(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.rotated(q, x.shape[1]), self.rotated(k, x.shape[1])
        attended = self.dropped(self.attention(q, k, v, key_mask))
        return self.layernorm1(x + self.sattn_out_proj(attended))

    def transform(self, x: Tokens, noise_emb: NoiseEmbedding) -> Tokens:
        """The MLP. FiLM scales and shifts its normalised hidden features by the noise level."""
        hidden = self.activation(self.mlp0(x))
        if self.mlp_film_cond_proj is not None:
            scale, shift = self.mlp_film_cond_proj(noise_emb)[:, None].chunk(2, dim=-1)
            hidden = F.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
        return self.layernorm2(x + self.mlp1(self.dropped(hidden)))

    def rotated(self, x: Tensor, period: int) -> Tensor:
        return x if self.rotary_emb is None else self.rotary_emb(x, period)

    def dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.config.dropout_p, self.training)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, key_mask: Tensor | None) -> Tensor:
        mask = None if key_mask is None else key_mask[:, None, None, :]
        dropout_p = self.config.dropout_p if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout_p)
        return attended.transpose(1, 2).flatten(-2)


class DecoderLayer(EncoderLayer):
    """An encoder layer with cross-attention to the condition between its halves.

    Rows come in groups: `x` has a whole number of rows per row of `memory`, and whatever is projected from
    the condition is projected once for the rows that share it.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__(config)
        d = config.d_latent
        self.xattn_kv_proj = nn.Linear(d, 2 * d, bias=False)
        self.xattn_q_proj = nn.Linear(d, d, bias=False)
        self.xattn_layernorm = nn.LayerNorm(d)
        self.xattn_out_proj = nn.Linear(d, d, bias=False)

    def decode(
        self,
        x: Tokens,
        memory: Memory,
        self_mask: KeyMask | None,
        memory_mask: MemoryMask | None,
        noise_emb: NoiseEmbedding,
    ) -> Tokens:
        x = self.attend_to_self(x, self_mask)
        asked = self._ask_memory if self.config.xattn_mode == "kv_from_cond_q_from_x" else self._ask_motion
        x = self.xattn_layernorm(x + self.xattn_out_proj(asked(x, memory, memory_mask)))
        return self.transform(x, noise_emb)

    def _ask_memory(self, x: Tokens, memory: Memory, memory_mask: MemoryMask | None) -> Tokens:
        """Queries from the motion, all samples of a condition laid end to end; keys from the condition."""
        grouped = x.reshape(len(memory), -1, x.shape[-1])
        return self._cross_attention(grouped, memory, memory_mask, memory.shape[1]).view_as(x)

    def _ask_motion(self, x: Tokens, memory: Memory, memory_mask: MemoryMask | None) -> Tokens:
        """Queries from the condition, keys from the motion, row by row."""
        samples = len(x) // len(memory)
        mask = None if memory_mask is None else memory_mask.repeat_interleave(samples, 0)
        return self._cross_attention(memory, x, mask, x.shape[1])

    def _cross_attention(self, asking: Tensor, asked: Tensor, mask: Tensor | None, period: int) -> Tensor:
        q = self.xattn_q_proj(asking).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.xattn_kv_proj(asked).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.rotated(q, period), self.rotated(k, period)
        return self.attention(q.repeat_interleave(len(k) // len(q), 0), k, v, mask)
