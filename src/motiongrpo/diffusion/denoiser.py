"""EgoAllo's denoiser: x̂_0 from a noisy motion, its noise level and the head's condition.

An encoder reads the condition, a decoder the motion; both carry the noise level as a token in
front. Parameter names are EgoAllo's, at any width and depth, so that its weights load as they are.
"""

from functools import reduce

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from motiongrpo.config import Config
from motiongrpo.diffusion.attention import DecoderLayer, EncoderLayer
from motiongrpo.diffusion.conditioning import CONDITION_FEATURES
from motiongrpo.diffusion.representation import feature_sizes
from motiongrpo.diffusion.schedule import LEVELS
from motiongrpo.shapes import Rollout


class DenoiserConfig(Config):
    """The architecture; EgoAllo's own is 512, 2048, 1024, 4, 6, 6 with hands."""

    d_latent: int = Field(ge=8)
    d_feedforward: int = Field(ge=8)
    d_noise_emb: int = Field(ge=1)
    num_heads: int = Field(ge=1)
    encoder_layers: int = Field(ge=1)
    decoder_layers: int = Field(ge=1)
    include_hands: bool
    mask_self_attention: bool  # false repeats EgoAllo, whose self-attention sees padded frames


class Denoiser(nn.Module):
    """Predicts the clean motion of every sample of every condition."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        if config.d_latent % (2 * config.num_heads):
            raise ValueError(
                f"d_latent must be a multiple of 2 · num_heads, got {config.d_latent} and {config.num_heads}"
            )
        width, sizes = config.d_latent, feature_sizes(config.include_hands)
        self.encoders = nn.ModuleDict({name: _modality_encoder(n, width) for name, n in sizes.items()})
        self.decoders = nn.ModuleDict({name: _modality_decoder(n, width) for name, n in sizes.items()})
        self.latent_from_cond = nn.Linear(CONDITION_FEATURES, width)
        self.noise_emb = nn.Embedding(LEVELS, config.d_noise_emb)
        self.noise_emb_token_proj = nn.Linear(config.d_noise_emb, width, bias=False)
        block = (width, config.d_feedforward, config.num_heads)
        self.encoder_layers = nn.ModuleList(EncoderLayer(*block) for _ in range(config.encoder_layers))
        self.decoder_layers = nn.ModuleList(DecoderLayer(*block) for _ in range(config.decoder_layers))

    def forward(
        self,
        x_t: Rollout,
        t: Int[Tensor, " condition"],
        condition: Float[Tensor, "condition frame 154"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Rollout:
        """x̂_0 of the samples of each condition; all samples of a condition are at the same level.

        The condition is encoded once per row of `condition`, however many samples share it.
        """
        memory = self.encode(condition, t, mask)
        return self.decode(x_t, t, memory, mask)

    def encode(
        self,
        condition: Float[Tensor, "condition frame 154"],
        t: Int[Tensor, " condition"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Float[Tensor, "condition token latent"]:
        """The condition stream, which depends on the noise level too."""
        tokens = torch.cat([self._noise_token(t), self.latent_from_cond(condition)], dim=1)
        for layer in self.encoder_layers:
            tokens = layer(tokens, self._self_mask(mask))
        return tokens

    def decode(
        self,
        x_t: Rollout,
        t: Int[Tensor, " condition"],
        memory: Float[Tensor, "condition token latent"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Rollout:
        """The motion stream, given the encoded condition."""
        samples = x_t.shape[1]
        tokens = self._embed(x_t.flatten(0, 1), self._noise_token(t).repeat_interleave(samples, 0))
        self_mask, memory_mask = self._self_mask(mask), _with_noise_token(mask)
        if self_mask is not None:
            self_mask = self_mask.repeat_interleave(samples, 0)
        for layer in self.decoder_layers:
            assert isinstance(layer, DecoderLayer)
            tokens = layer.decode(tokens, memory, self_mask, memory_mask)
        features = torch.cat([decoder(tokens[:, 1:]) for decoder in self.decoders.values()], dim=-1)
        return features.view_as(x_t)

    def _embed(self, x: Tensor, noise_token: Tensor) -> Tensor:
        parts = x.split(list(feature_sizes(self.config.include_hands).values()), dim=-1)
        modalities = zip(self.encoders.values(), parts, strict=True)
        return torch.cat(
            [noise_token, reduce(torch.add, (encode(part) for encode, part in modalities))], dim=1
        )

    def _noise_token(self, t: Tensor) -> Tensor:
        return self.noise_emb_token_proj(self.noise_emb(t - 1))[:, None]

    def _self_mask(self, mask: Tensor | None) -> Tensor | None:
        return _with_noise_token(mask) if self.config.mask_self_attention else None


def _with_noise_token(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else torch.nn.functional.pad(mask, (1, 0), value=True)


def _modality_encoder(features: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
    )


def _modality_decoder(features: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.LayerNorm(width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, features),
    )
