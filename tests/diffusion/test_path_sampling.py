"""Sampling under head paths longer than a window, against a slow, plain version of EgoAllo's."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import blended_predictor, motion_predictor, sample_path
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.sampler import SamplingConfig, predictor, reverse_chain, sample
from motiongrpo.diffusion.schedule import cosine_alpha_bar
from motiongrpo.diffusion.window_blend import EGOALLO_PLAN, WindowPlan, symmetric_windows
from motiongrpo.geometry.so3 import nearest_rotation
from tests.denoisers import small

EGOALLO = SamplingConfig(steps=30, eta=1.0, sampler="egoallo", deterministic_below=0)
DDIM = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)


def denoiser(**changes) -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(small(encoder_layers=1, decoder_layers=1, **changes)).double().eval()


def head_paths(frames: int, count: int = 1) -> torch.Tensor:
    """Random walks with one frame in front."""
    torch.manual_seed(2)
    q = torch.nn.functional.normalize(torch.randn(count, frames + 1, 4, dtype=torch.float64), dim=-1)
    return torch.cat([q, torch.randn(count, frames + 1, 3, dtype=torch.float64)], dim=-1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def egoallo_by_hand(model: Denoiser, path: torch.Tensor, samples: int) -> torch.Tensor:
    """The published loop for one path: 30 steps, windows of 128 every 96 frames, U·Vᵀ for the body."""
    frames, noise = path.shape[1] - 1, generator()
    levels = [1000, *[k * k for k in range(29, -1, -1)]]
    alpha_bar = cosine_alpha_bar().tolist()
    ramp = [min(32, i + 1, frames - i) / 32 for i in range(frames)]
    features = 496 if model.config.include_hands else 226
    x = torch.randn(1, samples, frames, features, generator=noise).double()[0]
    for step in range(30):
        t, s = levels[step], levels[step + 1]
        total, weights = torch.zeros_like(x), np.zeros(frames)
        for start in range(0, frames, 96):
            stop = min(start + 128, frames)
            condition = model.condition(path[:, start : stop + 1])
            each = [
                model(x[None, i : i + 1, start:stop], torch.tensor([t]), condition, None)[0, 0]
                for i in range(samples)
            ]
            for frame in range(start, stop):
                weights[frame] += ramp[frame - start]
                for i in range(samples):
                    total[i, frame] += ramp[frame - start] * each[i][frame - start]
        x_0 = total / torch.from_numpy(weights)[None, :, None]
        U, _, Vh = torch.linalg.svd(x_0[..., 16:205].reshape(samples, frames, 21, 3, 3))
        x_0[..., 16:205] = (U @ Vh).reshape(samples, frames, 189)
        one_level = (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * (1 - alpha_bar[t] / alpha_bar[t - 1])
        sigma = 0.8 * math.sqrt(one_level)
        implied = (x - math.sqrt(alpha_bar[t]) * x_0) / math.sqrt(1 - alpha_bar[t] + 0.1)
        z = torch.randn(1, samples, frames, features, generator=noise).double()[0]
        x = math.sqrt(alpha_bar[s]) * x_0 + math.sqrt(1 - alpha_bar[s] - sigma**2) * implied + sigma * z
    return x


@pytest.mark.parametrize(("frames", "hands"), [(20, True), (97, False), (230, False)])
def test_the_egoallo_sampler_is_the_published_loop(frames, hands):
    model, path = denoiser(include_hands=hands), head_paths(frames)
    with torch.no_grad():
        expected = egoallo_by_hand(model, path, samples=2)
    x = sample_path(model, path, 2, EGOALLO, EGOALLO_PLAN, generator())
    assert_close(x[0], expected, rtol=0, atol=1e-9)


def test_evaluation_means_the_same_by_egoallo():
    model, path = denoiser(), head_paths(100, count=2)
    x_T = torch.randn(2, 1, 100, 226, generator=generator()).double()
    mask = torch.ones(2, 100, dtype=torch.bool)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        first = next(reverse_chain(motion_predictor(model, path, mask, EGOALLO), x_T, EGOALLO, noise))
    body = MotionState.unpack(first.x_0).body_rotmats
    assert_close(torch.linalg.det(body).abs(), torch.ones(body.shape[:-2]).double(), rtol=0, atol=1e-9)
    plain = predictor(model, model.condition(path), None)(x_T, torch.tensor([1000, 1000]))
    contacts, others = MotionState.unpack(first.x_0).contacts, MotionState.unpack(plain).contacts
    assert (contacts[:, :, 96:] - others[:, :, 96:]).abs().max() > 1e-6  # a second window sees these frames


def test_a_path_of_one_window_is_sampled_as_evaluation_does_and_projected():
    model, path = denoiser(include_hands=True), head_paths(40, count=2)
    x = sample_path(model, path, 3, DDIM, WindowPlan(length=64, overlap=16), generator())
    noise = generator()
    x_T = torch.randn(2, 3, 40, 496, generator=noise).double()
    mask = torch.ones(2, 40, dtype=torch.bool)
    with torch.no_grad():
        plain = sample(motion_predictor(model, path, mask, DDIM), x_T, DDIM, noise)
    assert_close(x, MotionState.unpack(plain).projected().pack(), rtol=0, atol=1e-10)


def test_our_motions_are_rotations_hands_too():
    x = sample_path(
        denoiser(include_hands=True), head_paths(50), 2, DDIM, WindowPlan(length=24, overlap=8), generator()
    )
    state = MotionState.unpack(x)
    matrices = torch.cat([state.body_rotmats, state.hand_rotmats], dim=-3)
    assert_close(matrices, nearest_rotation(matrices), rtol=0, atol=1e-10)


def test_a_blend_is_the_mean_of_its_windows_each_under_its_own_frames():
    model, path = denoiser(cond_param="canonicalized"), head_paths(30)
    windows = symmetric_windows(30, WindowPlan(length=16, overlap=4))
    x_t, t = torch.randn(1, 2, 30, 226).double(), torch.tensor([300])
    with torch.no_grad():
        blended = blended_predictor(model, path, None, windows)(x_t, t)
        for frame in range(30):
            expected = 0
            for w in windows:
                if w.start <= frame < w.stop:
                    condition = model.condition(path[:, w.start : w.stop + 1])
                    part = model(x_t[:, :, w.start : w.stop], t, condition, None)
                    expected = expected + w.share[frame - w.start] * part[:, :, frame - w.start]
            assert_close(blended[:, :, frame], expected, rtol=0, atol=1e-12)


def test_a_denoiser_that_knows_the_answer_is_not_changed_by_blending():
    """Windows that agree with each other agree with their mean."""

    class Sure(Denoiser):
        def forward(self, x_t, t, condition, mask):
            return torch.full_like(x_t, 0.25)

    torch.manual_seed(0)
    windows = symmetric_windows(300, EGOALLO_PLAN)
    predict = blended_predictor(Sure(small()).double(), head_paths(300), None, windows)
    x_0 = predict(torch.randn(1, 1, 300, 226).double(), torch.tensor([5]))
    assert_close(x_0, torch.full_like(x_0, 0.25), rtol=0, atol=1e-14)
