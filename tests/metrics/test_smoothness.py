import pytest
import torch
from torch.testing import assert_close

from motiongrpo.metrics.smoothness import jitter_m_s3, jitter_ratio

FPS = 30.0


def cubic(coefficients: torch.Tensor, frames: int) -> torch.Tensor:
    """Joints on Σ_k c_k t^k, with coefficients (power, joint, 3)."""
    t = torch.arange(frames, dtype=torch.float64) / FPS
    powers = torch.stack([t**power for power in range(len(coefficients))])
    return torch.einsum("pf,pjc->fjc", powers, coefficients)[None]


def test_the_jitter_of_a_cubic_path_is_its_third_derivative():
    """Third differences of a cubic are exact: 6 |c₃|, whatever the lower powers are."""
    coefficients = torch.randn(4, 22, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    jitter = jitter_m_s3(cubic(coefficients, 12), torch.ones(1, 12, dtype=torch.bool), FPS)
    assert_close(jitter, 6 * coefficients[3].norm(dim=-1).mean()[None], rtol=0, atol=1e-8)


def test_steady_acceleration_has_no_jitter():
    coefficients = torch.randn(3, 22, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    jitter = jitter_m_s3(cubic(coefficients, 12), torch.ones(1, 12, dtype=torch.bool), FPS)
    assert_close(jitter, torch.zeros(1, dtype=torch.float64), rtol=0, atol=1e-8)


def test_a_jump_at_the_edge_of_the_real_frames_is_no_jitter():
    p = torch.zeros(1, 9, 22, 3, dtype=torch.float64)
    p[:, 5:] = 1
    mask = torch.arange(9)[None] < 5
    assert_close(jitter_m_s3(p, mask, FPS), torch.zeros(1, dtype=torch.float64), rtol=0, atol=0)


def test_twice_the_motion_has_a_jitter_ratio_of_two_and_the_truth_of_one():
    p = torch.randn(2, 8, 22, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.ones(2, 8, dtype=torch.bool)
    assert_close(jitter_ratio(2 * p, p, mask, FPS), torch.full((2,), 2.0).double(), rtol=0, atol=1e-12)
    assert_close(jitter_ratio(p, p, mask, FPS), torch.ones(2).double(), rtol=0, atol=0)


def test_a_truth_that_does_not_move_has_no_jitter_ratio():
    guess = torch.randn(1, 8, 22, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ratio = jitter_ratio(guess, torch.zeros_like(guess), torch.ones(1, 8, dtype=torch.bool), FPS)
    assert ratio.isnan().all()


@pytest.mark.parametrize("frames", [3, 8])
def test_three_real_frames_are_too_few(frames):
    mask = torch.arange(frames)[None] < 3
    with pytest.raises(ValueError, match="windows must have at least 4"):
        jitter_m_s3(torch.zeros(1, frames, 22, 3, dtype=torch.float64), mask, FPS)
