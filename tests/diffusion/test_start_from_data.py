import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.diffusion.training import start_from_data
from tests.bodies import window_batch
from tests.diffusion.test_denoiser import denoiser


def test_the_condition_enters_as_if_it_were_standardised():
    """Each feature has the same effect on the first layer, however small its scale is."""
    model, batch = denoiser(), window_batch(count=6)
    start_from_data(model, batch, torch.Generator().manual_seed(0))
    condition = head_condition(batch.T_world_cpf)[batch.mask]
    mean, deviation = condition.mean(dim=0), condition.std(dim=0)
    at_mean = model.latent_from_cond(mean)
    assert_close(at_mean, torch.zeros_like(at_mean), rtol=0, atol=1e-9)
    moved = deviation > 2e-3
    shift = (model.latent_from_cond(mean + torch.diag(deviation)) - at_mean).norm(dim=1)[moved]
    assert float(deviation[moved].max() / deviation[moved].min()) > 50
    assert float((shift.max() / shift.min()).detach()) < 5


def test_the_first_guess_is_near_the_mean_motion():
    model, batch = denoiser(), window_batch(count=6)
    x_0 = true_motion(batch).pack()
    start_from_data(model, batch, torch.Generator().manual_seed(0))
    condition = head_condition(batch.T_world_cpf)
    guess = model(torch.randn_like(x_0)[:, None], torch.full((6,), 900), condition, None)[:, 0].detach()
    mean = x_0.mean(dim=(0, 1))
    assert float((guess - mean).square().mean()) < 0.1 * float((x_0 - mean).square().mean()) + 0.01
