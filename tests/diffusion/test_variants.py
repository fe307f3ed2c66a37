"""Every architecture that EgoAllo's configuration can describe."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.network import layout_of
from motiongrpo.diffusion.conditioning import condition_width
from motiongrpo.diffusion.denoiser import Denoiser
from tests.denoisers import EGOALLO, architecture, small
from tests.diffusion.plain_denoiser import forward

VARIANTS = [
    ({}, 154, 50_447_088, 222),
    ({"cond_param": "canonicalized"}, 84, 50_411_248, 222),
    ({"cond_param": "absolute"}, 84, 50_411_248, 222),
    ({"cond_param": "absrel"}, 168, 50_454_256, 222),
    ({"cond_param": "absrel_global_deltas"}, 168, 50_454_256, 222),
    ({"include_canonicalized_cpf_rotation_in_cond": False}, 91, 50_414_832, 222),
    ({"include_hand_positions_cond": True}, 196, 50_468_592, 222),
    ({"noise_conditioning": "film"}, 154, 100_254_448, 233),
    ({"positional_encoding": "transformer"}, 154, 50_446_320, 210),
    ({"include_hands": False}, 154, 49_118_178, 208),
    ({"activation": "relu"}, 154, 50_447_088, 222),
    ({"xattn_mode": "kv_from_x_q_from_cond"}, 154, 50_447_088, 222),
    ({"dropout_p": 0.1}, 154, 50_447_088, 222),
]
COMPUTED = [
    {},
    {"activation": "relu"},
    {"positional_encoding": "transformer"},
    {"noise_conditioning": "film"},
    {"xattn_mode": "kv_from_x_q_from_cond"},
    {"include_hands": True},
    {
        "activation": "relu",
        "positional_encoding": "transformer",
        "noise_conditioning": "film",
        "xattn_mode": "kv_from_x_q_from_cond",
        "include_hands": True,
    },
]


def denoiser(**changes) -> Denoiser:
    """A denoiser with random parameters, also where training starts from zero or one."""
    torch.manual_seed(0)
    model = Denoiser(small(**changes)).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "freqs" not in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
            else:
                parameter.copy_(1 / 10000 ** (torch.arange(len(parameter)).double() / len(parameter)))
    return model


def inputs(model: Denoiser, conditions: int = 1, samples: int = 1, frames: int = 5):
    torch.manual_seed(1)
    features = model.features
    x = torch.randn(conditions, samples, frames, features, dtype=torch.float64)
    encoded = condition_width(model.config.condition)
    condition = torch.randn(conditions, frames, encoded, dtype=torch.float64)
    return x, torch.randint(1, 1001, (conditions,)), condition


@pytest.mark.parametrize(("changes", "width", "parameters", "entries"), VARIANTS)
def test_every_variant_has_egoallos_entries_and_parameters(changes, width, parameters, entries):
    layout = layout_of(Denoiser, architecture(**changes))
    assert len(layout) == entries
    assert sum(torch.Size(shape).numel() for shape in layout.values()) == parameters
    assert layout["latent_from_cond.weight"] == (512, width)


def test_what_film_adds_and_drops():
    plain, film = layout_of(Denoiser, EGOALLO), layout_of(Denoiser, architecture(noise_conditioning="film"))
    assert plain.keys() - film.keys() == {"noise_emb_token_proj.weight"}
    added = film.keys() - plain.keys()
    assert len(added) == 12
    assert {film[name] for name in added} == {(4096, 1024)}
    assert all(name.endswith("mlp_film_cond_proj.weight") for name in added)


@pytest.mark.parametrize("changes", COMPUTED)
def test_every_variant_computes_what_its_formula_says(changes):
    model = denoiser(**changes)
    x, t, condition = inputs(model)
    with torch.no_grad():
        out = model(x, t, condition, None)[0, 0]
        expected = forward(model.state_dict(), model.config, x[0, 0], int(t), condition[0])
    assert_close(out, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("changes", COMPUTED)
def test_in_every_variant_padding_changes_nothing_and_samples_share_their_condition(changes):
    model = denoiser(**changes)
    x, t, condition = inputs(model, conditions=2, samples=3, frames=6)
    mask = torch.arange(6) < torch.tensor([[4], [6]])
    out = model(x, t, condition, mask)
    alone = torch.stack([model(x[:, i : i + 1], t, condition, mask)[:, 0] for i in range(3)], dim=1)
    assert_close(out, alone, rtol=0, atol=1e-12)
    x[0, :, 4:] += 50.0
    condition[0, 4:] -= 50.0
    assert_close(model(x, t, condition, mask)[0, :, :4], out[0, :, :4], rtol=0, atol=1e-12)


@pytest.mark.parametrize("changes", COMPUTED)
def test_in_every_variant_every_trained_parameter_matters(changes):
    model = denoiser(**changes)
    x, t, condition = inputs(model, conditions=2)
    model(x, t, condition, None).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.requires_grad and not p.grad.abs().sum() > 0] == []


def test_film_starts_where_the_noise_level_changes_nothing():
    torch.manual_seed(0)
    model = Denoiser(small(noise_conditioning="film")).double()
    x, _, condition = inputs(model)
    out = [model(x, torch.tensor([t]), condition, None) for t in (1, 1000)]
    assert torch.equal(*out)


def test_dropout_is_there_in_training_and_off_in_evaluation():
    model = denoiser(dropout_p=0.5)
    x, t, condition = inputs(model)
    model.train()
    assert not torch.equal(model(x, t, condition, None), model(x, t, condition, None))
    model.eval()
    assert torch.equal(model(x, t, condition, None), model(x, t, condition, None))
    without = denoiser()
    assert_close(model(x, t, condition, None), without(x, t, condition, None), rtol=0, atol=1e-12)
