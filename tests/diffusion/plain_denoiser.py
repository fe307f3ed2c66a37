"""A second, slow implementation of the denoiser: one sample and one head at a time, no masks, no groups.

It only reads the state dict and the configuration, and calls nothing of the package.
"""

import math

import torch
import torch.nn.functional as F

SIZES = {"betas": 16, "body_rotmats": 189, "contacts": 21, "hand_rotmats": 270}


def forward(state, config, x, t: int, condition):  # noqa: C901 - one column, to be read beside the paper
    """x̂_0 of one packed motion (frame, feature) at level t."""
    act = {"gelu": F.gelu, "relu": F.relu}[config.activation]

    def linear(name, y):
        bias = state.get(f"{name}.bias")
        return y @ state[f"{name}.weight"].T + (0 if bias is None else bias)

    def norm(name, y):
        return normalised(y) * state[f"{name}.weight"] + state[f"{name}.bias"]

    def attend(q, k, v):
        heads, d = [], config.d_latent // config.num_heads
        for h in range(config.num_heads):
            part = slice(h * d, (h + 1) * d)
            qh, kh = q[:, part], k[:, part]
            if config.positional_encoding == "rope":
                qh, kh = rotate(qh), rotate(kh)
            heads.append(torch.softmax(qh @ kh.T / math.sqrt(d), dim=1) @ v[:, part])
        return torch.cat(heads, dim=1)

    def block(name, y, memory=None):
        q, k, v = linear(f"{name}.sattn_qkv_proj", y).chunk(3, dim=1)
        y = norm(f"{name}.layernorm1", y + linear(f"{name}.sattn_out_proj", attend(q, k, v)))
        if memory is not None:
            asks = config.xattn_mode == "kv_from_x_q_from_cond"
            q = linear(f"{name}.xattn_q_proj", memory if asks else y)
            k, v = linear(f"{name}.xattn_kv_proj", y if asks else memory).chunk(2, dim=1)
            y = norm(f"{name}.xattn_layernorm", y + linear(f"{name}.xattn_out_proj", attend(q, k, v)))
        hidden = act(linear(f"{name}.mlp0", y))
        if config.noise_conditioning == "film":
            film = state[f"{name}.mlp_film_cond_proj.weight"] @ noise
            hidden = normalised(hidden) * (1 + film[: hidden.shape[1]]) + film[hidden.shape[1] :]
        return norm(f"{name}.layernorm2", y + linear(f"{name}.mlp1", hidden))

    def tokens(frames):
        if config.positional_encoding == "transformer":
            frames = frames + torch.stack([sinusoid(i, config.d_latent) for i in range(len(frames))])
        if config.noise_conditioning == "film":
            return frames
        return torch.cat([(state["noise_emb_token_proj.weight"] @ noise)[None], frames])

    noise = state["noise_emb.weight"][t - 1]
    names = [name for name in SIZES if config.include_hands or name != "hand_rotmats"]
    motion = 0
    for name, part in zip(names, x.split([SIZES[name] for name in names], dim=1), strict=True):
        for layer in (0, 2, 4):
            part = linear(f"encoders.{name}.{layer}", part if layer == 0 else act(part))
        motion = motion + part
    memory, motion = tokens(linear("latent_from_cond", condition)), tokens(motion)
    for i in range(config.encoder_layers):
        memory = block(f"encoder_layers.{i}", memory)
    for i in range(config.decoder_layers):
        motion = block(f"decoder_layers.{i}", motion, memory)
    motion = motion[-len(x) :]
    out = []
    for name in names:
        y = act(norm(f"decoders.{name}.1", linear(f"decoders.{name}.0", motion)))
        out.append(linear(f"decoders.{name}.5", act(linear(f"decoders.{name}.3", y))))
    return torch.cat(out, dim=1)


def normalised(y):
    centred = y - y.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


def rotate(y):
    out = torch.empty_like(y)
    for position in range(len(y)):
        for i in range(y.shape[1] // 2):
            angle = position / 10000 ** (2 * i / y.shape[1])
            a, b = y[position, 2 * i], y[position, 2 * i + 1]
            out[position, 2 * i] = a * math.cos(angle) - b * math.sin(angle)
            out[position, 2 * i + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out


def sinusoid(position: int, width: int):
    angles = [position / 10000 ** (2 * (i // 2) / width) for i in range(width)]
    values = [math.cos(a) if i % 2 else math.sin(a) for i, a in enumerate(angles)]
    return torch.tensor(values, dtype=torch.float64)
