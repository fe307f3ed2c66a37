import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.loss import add_noise, denoising_loss, level_weight
from motiongrpo.diffusion.representation import MotionState

EXACT = {"rtol": 0, "atol": 1e-12}


def state(batch: int, frames: int, hands: bool = True) -> MotionState:
    torch.manual_seed(batch)
    return MotionState(
        torch.randn(batch, frames, 16, dtype=torch.float64),
        roma.random_rotmat((batch, frames, 21), dtype=torch.float64),
        torch.rand(batch, frames, 21, dtype=torch.float64),
        roma.random_rotmat((batch, frames, 30), dtype=torch.float64) if hands else None,
    )


def test_levels_weigh_what_is_published():
    """Computed in float64; the published 0.4776 at level 2 carries the rounding of 1 − ᾱ in float32."""
    expected = {1: 1.0, 2: 0.4775, 5: 0.1703, 10: 0.0747, 50: 0.0151, 100: 0.0114, 500: 0.01004, 1000: 0.01}
    weights = level_weight(torch.tensor(list(expected)))
    assert_close(weights, torch.tensor(list(expected.values())), rtol=0, atol=5e-5)
    assert abs(float(level_weight(torch.arange(1, 1001)).mean()) - 0.0135) < 5e-5


def test_each_modality_is_a_weighted_mean_over_real_frames():
    guess, truth = state(2, 4), state(3, 4)
    truth = MotionState(
        *(getattr(truth, n)[:2] for n in ("betas", "body_rotmats", "contacts", "hand_rotmats"))
    )
    weight = torch.tensor([0.5, 2.0], dtype=torch.float64)
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    terms = denoising_loss(guess.pack(), truth.pack(), weight, mask)
    expected = {"betas": 0.0, "body": 0.0, "contacts": 0.0, "hands": 0.0}
    for b, f in mask.nonzero().tolist():
        squared = (guess.betas - truth.betas)[b, f].square()
        expected["betas"] += weight[b] * sum(squared[i] / (i + 1) for i in range(16)) / 16 / 6
        expected["body"] += (
            weight[b] * (guess.body_rotmats - truth.body_rotmats)[b, f].square().sum() / 189 / 6
        )
        expected["contacts"] += weight[b] * (guess.contacts - truth.contacts)[b, f].square().sum() / 21 / 6
        expected["hands"] += (
            weight[b] * (guess.hand_rotmats - truth.hand_rotmats)[b, f].square().sum() / 270 / 256
        )
    for name, value in expected.items():
        assert_close(getattr(terms, name), value, **EXACT)
    total = 0.1 * expected["betas"] + expected["body"] + 0.1 * expected["contacts"] + 0.01 * expected["hands"]
    assert_close(terms.total(), total, **EXACT)


def test_hands_that_never_move_cost_nothing():
    guess, truth = state(1, 5), state(1, 5)
    still = MotionState(
        truth.betas, truth.body_rotmats, truth.contacts, truth.hand_rotmats[:, :1].expand(-1, 5, -1, -1, -1)
    )
    mask = torch.ones(1, 5, dtype=torch.bool)
    terms = denoising_loss(guess.pack(), still.pack(), torch.ones(1, dtype=torch.float64), mask)
    assert float(terms.hands) == 0


def test_padding_costs_nothing():
    guess, truth = state(2, 6).pack(), state(2, 6).pack() + 1
    mask = torch.arange(6) < torch.tensor([[4], [6]])
    weight = torch.ones(2, dtype=torch.float64)
    before = denoising_loss(guess, truth, weight, mask).total()
    guess[0, 4:] += 10
    assert_close(denoising_loss(guess, truth, weight, mask).total(), before, **EXACT)


def test_noise_keeps_unit_variance_and_the_signal_fades():
    x_0 = torch.ones(2, 500, 200, dtype=torch.float64)
    t = torch.tensor([1, 1000])
    x_t = add_noise(x_0, torch.randn(x_0.shape, dtype=torch.float64), t)
    assert abs(float(x_t[0].mean()) - 0.99998) < 1e-3
    assert abs(float(x_t[1].mean())) < 0.02
    assert abs(float(x_t[1].std()) - 1) < 0.02
