import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import feature_count
from tests.denoisers import small as config

EXACT = {"rtol": 0, "atol": 1e-12}


def denoiser(**changes) -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(config(**changes)).double()


def inputs(conditions: int, samples: int, frames: int, hands: bool = False):
    torch.manual_seed(1)
    x = torch.randn(conditions, samples, frames, feature_count(hands), dtype=torch.float64)
    return x, torch.randint(1, 1001, (conditions,)), torch.randn(conditions, frames, 154, dtype=torch.float64)


def test_padded_frames_change_nothing():
    model, (x, t, condition) = denoiser(), inputs(2, 3, 8)
    mask = torch.arange(8) < torch.tensor([[5], [8]])
    out = model(x, t, condition, mask)
    x[0, :, 5:] += 100.0
    condition[0, 5:] -= 100.0
    again = model(x, t, condition, mask)
    assert_close(again[0, :, :5], out[0, :, :5], **EXACT)
    assert_close(again[1], out[1], **EXACT)


def test_egoallos_self_attention_lets_padding_in():
    model, (x, t, condition) = denoiser(mask_self_attention=False), inputs(1, 1, 8)
    mask = torch.arange(8)[None] < 5
    out = model(x, t, condition, mask)
    x[:, :, 5:] += 1.0
    assert (model(x, t, condition, mask)[:, :, :5] - out[:, :, :5]).abs().max() > 1e-3


def test_samples_that_share_a_condition_get_what_they_would_get_alone():
    model, (x, t, condition) = denoiser(), inputs(3, 4, 6)
    together = model(x, t, condition, None)
    alone = torch.stack([model(x[:, i : i + 1], t, condition, None)[:, 0] for i in range(4)], dim=1)
    assert_close(together, alone, **EXACT)


def test_a_motion_does_not_depend_on_its_neighbours():
    model, (x, t, condition) = denoiser(include_hands=True), inputs(3, 2, 6, hands=True)
    whole = model(x, t, condition, None)
    assert_close(model(x[1:2], t[1:2], condition[1:2], None), whole[1:2], **EXACT)


def test_permuting_a_group_permutes_its_estimates():
    model, (x, t, condition) = denoiser(), inputs(2, 5, 6)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert_close(model(x[:, order], t, condition, None), model(x, t, condition, None)[:, order], **EXACT)


def test_every_trained_parameter_matters():
    model, (x, t, condition) = denoiser(), inputs(2, 2, 6)
    model(x, t, condition, None).square().sum().backward()
    still = [name for name, p in model.named_parameters() if p.requires_grad and not p.grad.abs().sum() > 0]
    # a query's projection is blind to a shift all keys share, but none is exactly without effect
    assert still == []


def test_an_impossible_width_is_refused():
    with pytest.raises(ValueError, match=r"d_latent must be a multiple of 2 · num_heads, got 16 and 3"):
        config(num_heads=3)


@pytest.mark.parametrize("name", ["d_latnet", "layers"])
def test_a_misspelt_parameter_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"'{name}' is not a parameter of DenoiserConfig; "):
        config(**{name: 3})
