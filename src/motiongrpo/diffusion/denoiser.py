"""EgoAllo's denoiser: x̂_0 from a noisy motion, its noise level and the head's condition.

An encoder reads the condition, a decoder the motion; both carry the noise level as a token in
front. Parameter names are EgoAllo's, at any width and depth, so that its weights load as they are.
"""

from functools import reduce

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motiongrpo.base.network import Network
from motiongrpo.base.row_parallel import by_rows
from motiongrpo.base.shapes import Rollout
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.attention import ACTIVATIONS, DecoderLayer, EncoderLayer, interleaved_sinusoids
from motiongrpo.diffusion.conditioning import condition_width, encoded_condition
from motiongrpo.diffusion.representation import feature_sizes
from motiongrpo.diffusion.schedule import LEVELS

__all__ = ["Denoiser", "DenoiserConfig"]


class Denoiser(Network):
    """Predicts the clean motion of every sample of every condition."""

    Config = DenoiserConfig
    config: DenoiserConfig

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__(config)
        width, sizes = config.d_latent, self.feature_sizes
        activation = ACTIVATIONS[config.activation]
        self.encoders = nn.ModuleDict({m: _modality_encoder(n, width, activation) for m, n in sizes.items()})
        self.decoders = nn.ModuleDict({m: _modality_decoder(n, width, activation) for m, n in sizes.items()})
        self.latent_from_cond = nn.Linear(condition_width(config.condition), width)
        self.noise_emb = nn.Embedding(LEVELS, config.d_noise_emb)
        self.noise_emb_token_proj = None
        if config.noise_conditioning == "token":
            self.noise_emb_token_proj = nn.Linear(config.d_noise_emb, width, bias=False)
        self.encoder_layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.decoder_layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))

    @property
    def feature_sizes(self) -> dict[str, int]:
        """Features of each modality that is diffused, in packed order."""
        return feature_sizes(self.config.include_hands)

    @property
    def features(self) -> int:
        """The width of a packed frame."""
        return sum(self.feature_sizes.values())

    def condition(
        self, T_world_cpf: Float[Tensor, "*batch frame_and_one 7"]
    ) -> Float[Tensor, "*batch frame encoded"]:
        """The network's head condition, from a head path with one frame before the first."""
        return encoded_condition(T_world_cpf, self.config.condition)

    @by_rows
    def forward(
        self,
        x_t: Rollout,
        t: Int[Tensor, " condition"],
        condition: Float[Tensor, "condition frame encoded"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Rollout:
        """x̂_0 of the samples of each condition; all samples of a condition are at the same level.

        The condition is encoded once per row of `condition`, however many samples share it.
        """
        memory = self.encode(condition, t, mask)
        return self.decode(x_t, t, memory, mask)

    def encode(
        self,
        condition: Float[Tensor, "condition frame encoded"],
        t: Int[Tensor, " condition"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Float[Tensor, "condition token latent"]:
        """The condition stream, which depends on the noise level too."""
        noise_emb = self.noise_emb(t - 1)
        tokens = self._tokens(self.latent_from_cond(condition), noise_emb)
        for layer in self.encoder_layers:
            tokens = layer(tokens, self._self_mask(mask), noise_emb)
        return tokens

    def decode(
        self,
        x_t: Rollout,
        t: Int[Tensor, " condition"],
        memory: Float[Tensor, "condition token latent"],
        mask: Bool[Tensor, "condition frame"] | None,
    ) -> Rollout:
        """The motion stream, given the encoded condition."""
        samples, frames = x_t.shape[1:3]
        noise_emb = self.noise_emb(t - 1).repeat_interleave(samples, 0)
        tokens = self._tokens(self._embed(x_t.flatten(0, 1)), noise_emb)
        self_mask, memory_mask = self._self_mask(mask), self._token_mask(mask)
        if self_mask is not None:
            self_mask = self_mask.repeat_interleave(samples, 0)
        for layer in self.decoder_layers:
            assert isinstance(layer, DecoderLayer)
            tokens = layer.decode(tokens, memory, self_mask, memory_mask, noise_emb)
        features = torch.cat([decoder(tokens[:, -frames:]) for decoder in self.decoders.values()], dim=-1)
        return features.view_as(x_t)

    def _embed(self, x: Tensor) -> Tensor:
        parts = x.split(list(self.feature_sizes.values()), dim=-1)
        modalities = zip(self.encoders.values(), parts, strict=True)
        return reduce(torch.add, (encode(part) for encode, part in modalities))

    def _tokens(self, frames: Tensor, noise_emb: Tensor) -> Tensor:
        """Frames with their positions, where these are added, behind the noise token, where there is one."""
        if self.config.positional_encoding == "transformer":
            frames = frames + interleaved_sinusoids(*frames.shape[1:]).to(frames)
        if self.noise_emb_token_proj is None:
            return frames
        return torch.cat([self.noise_emb_token_proj(noise_emb)[:, None], frames], dim=1)

    def _self_mask(self, mask: Tensor | None) -> Tensor | None:
        return self._token_mask(mask) if self.config.mask_self_attention else None

    def _token_mask(self, mask: Tensor | None) -> Tensor | None:
        if mask is None or self.noise_emb_token_proj is None:
            return mask
        return nn.functional.pad(mask, (1, 0), value=True)


def _modality_encoder(features: int, width: int, activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, width),
        activation(),
        nn.Linear(width, width),
        activation(),
        nn.Linear(width, width),
    )


def _modality_decoder(features: int, width: int, activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.LayerNorm(width),
        activation(),
        nn.Linear(width, width),
        activation(),
        nn.Linear(width, features),
    )
