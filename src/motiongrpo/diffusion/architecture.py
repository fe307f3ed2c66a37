"""The architecture of a denoiser: EgoAllo's configuration, under its own names.

Three things differ from EgoAllo's record: `max_t` is left out, since it is the number of levels of the
schedule; the four fields that choose the head condition are `ConditionConfig`; and `mask_self_attention` is
added.
"""

from typing import Literal

from pydantic import Field, model_validator

from motiongrpo.base.config import Config

WIDEST, DEEPEST = 2**16, 2**8  # that a file may have

ConditionKind = Literal["ours", "canonicalized", "absolute", "absrel", "absrel_global_deltas"]


class ConditionConfig(Config):
    """What the network sees of the head (arXiv:2410.03665, table 1)."""

    cond_param: ConditionKind
    include_canonicalized_cpf_rotation_in_cond: bool  # read by `ours` alone
    include_hand_positions_cond: bool  # both wrists in the head's frame; zeros where they are not known
    fourier_enc_freqs: int = Field(ge=0, le=16)


class DenoiserConfig(Config):
    """The architecture; EgoAllo's own is 512, 2048, 1024, 4, 6, 6 with hands."""

    d_latent: int = Field(ge=8, le=WIDEST)
    d_feedforward: int = Field(ge=8, le=WIDEST)
    d_noise_emb: int = Field(ge=1, le=WIDEST)
    num_heads: int = Field(ge=1)
    encoder_layers: int = Field(ge=1, le=DEEPEST)
    decoder_layers: int = Field(ge=1, le=DEEPEST)
    dropout_p: float = Field(ge=0, lt=1)  # in training only; EgoAllo's attention keeps it in evaluation
    activation: Literal["gelu", "relu"]
    positional_encoding: Literal["rope", "transformer"]
    noise_conditioning: Literal["token", "film"]
    xattn_mode: Literal["kv_from_cond_q_from_x", "kv_from_x_q_from_cond"]
    include_hands: bool
    mask_self_attention: bool  # false repeats EgoAllo, whose self-attention sees padded frames
    condition: ConditionConfig

    @model_validator(mode="after")
    def refuse_uneven_heads(self) -> "DenoiserConfig":
        if self.d_latent % (2 * self.num_heads):
            raise ValueError(
                f"d_latent must be a multiple of 2 · num_heads, got {self.d_latent} and {self.num_heads}"
            )
        return self
