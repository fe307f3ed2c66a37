from itertools import combinations

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.metrics.diversity import best_of_k_mpjpe_mm, pairwise_diversity_mm
from motiongrpo.metrics.pose import mpjpe_mm


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_three_samples_on_a_line_10_and_20_cm_apart_have_a_diversity_of_200_mm():
    """Pairs are 100, 200 and 300 mm apart."""
    place = torch.tensor([0.0, 0.1, 0.3], dtype=torch.float64)
    samples = torch.zeros(1, 3, 5, 22, 3, dtype=torch.float64)
    samples[..., 1] += place[:, None, None]
    diversity = pairwise_diversity_mm(samples, torch.ones(1, 5, dtype=torch.bool))
    assert_close(diversity, torch.tensor([200.0]).double(), rtol=0, atol=1e-10)


def test_diversity_is_the_mean_over_all_pairs():
    samples, mask = drawn(2, 4, 5, 22, 3), torch.ones(2, 5, dtype=torch.bool)
    pairs = [mpjpe_mm(samples[:, i], samples[:, j], mask) for i, j in combinations(range(4), 2)]
    assert_close(pairwise_diversity_mm(samples, mask), sum(pairs) / 6, rtol=0, atol=1e-9)


def test_equal_samples_have_no_diversity():
    samples = drawn(2, 1, 5, 22, 3).expand(-1, 3, -1, -1, -1)
    diversity = pairwise_diversity_mm(samples, torch.ones(2, 5, dtype=torch.bool))
    assert_close(diversity, torch.zeros(2).double(), rtol=0, atol=0)


def test_the_best_sample_is_chosen_for_each_window():
    truth, offsets = drawn(2, 5, 22, 3), torch.tensor([[0.3, 0.1], [0.02, 0.5]], dtype=torch.float64)
    samples = truth[:, None].repeat(1, 2, 1, 1, 1)
    samples[..., 0] += offsets[:, :, None, None]
    best = best_of_k_mpjpe_mm(samples, truth, torch.ones(2, 5, dtype=torch.bool))
    assert_close(best, torch.tensor([100.0, 20.0]).double(), rtol=0, atol=1e-9)


def test_more_samples_are_never_worse_at_their_best():
    truth, samples, mask = (
        drawn(3, 5, 22, 3),
        drawn(3, 6, 5, 22, 3, seed=1),
        torch.ones(3, 5, dtype=torch.bool),
    )
    best = torch.stack([best_of_k_mpjpe_mm(samples[:, :k], truth, mask) for k in range(1, 7)])
    assert (best.diff(dim=0) <= 0).all()
    assert (best[-1] < best[0]).any()


def test_one_sample_has_no_diversity_to_measure():
    with pytest.raises(ValueError, match="samples must be at least two for a distance between them, got 1"):
        pairwise_diversity_mm(drawn(2, 1, 5, 22, 3), torch.ones(2, 5, dtype=torch.bool))
