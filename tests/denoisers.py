"""Architectures for tests: a small one, and EgoAllo's own."""

from motiongrpo.diffusion.architecture import ConditionConfig, DenoiserConfig

EGOALLO_CONDITION = ConditionConfig(
    cond_param="ours",
    include_canonicalized_cpf_rotation_in_cond=True,
    include_hand_positions_cond=False,
    fourier_enc_freqs=3,
)

EGOALLO = DenoiserConfig(
    d_latent=512,
    d_feedforward=2048,
    d_noise_emb=1024,
    num_heads=4,
    encoder_layers=6,
    decoder_layers=6,
    dropout_p=0.0,
    activation="gelu",
    positional_encoding="rope",
    noise_conditioning="token",
    xattn_mode="kv_from_cond_q_from_x",
    include_hands=True,
    mask_self_attention=False,
    condition=EGOALLO_CONDITION,
)

SMALL = {
    "d_latent": 16,
    "d_feedforward": 24,
    "d_noise_emb": 8,
    "num_heads": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "include_hands": False,
    "mask_self_attention": True,
}


def architecture(**changes) -> DenoiserConfig:
    """EgoAllo's with some fields changed; those of the condition by their own names."""
    condition = {name: changes.pop(name) for name in list(changes) if name in ConditionConfig.model_fields}
    values = EGOALLO.model_dump() | changes
    return DenoiserConfig(**values | {"condition": values["condition"] | condition})


def small(**changes) -> DenoiserConfig:
    """A small network without hands that masks."""
    return architecture(**SMALL | changes)
