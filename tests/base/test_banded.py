import torch
from torch.testing import assert_close

from motiongrpo.base.banded import difference_bands, solve_banded

EXACT = {"rtol": 0, "atol": 1e-12}


def dense(bands: torch.Tensor) -> torch.Tensor:
    """The whole matrix of each batch element, its blocks in the order of frames."""
    offsets, batch, frames, n, _ = bands.shape
    whole = bands.new_zeros(batch, frames, n, frames, n)
    for o in range(offsets):
        for t in range(frames - o):
            whole[:, t, :, t + o] = bands[o, :, t]
            whole[:, t + o, :, t] = bands[o, :, t].mT
    return whole.reshape(batch, frames * n, frames * n)


def positive_definite_bands(offsets: int, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    bands = torch.randn(offsets, 2, frames, 4, 4, generator=generator, dtype=torch.float64)
    bands[0] = bands[0] @ bands[0].mT + 30 * torch.eye(4, dtype=torch.float64)
    for o in range(offsets):
        bands[o, :, frames - o :] = 0
    return bands


def test_a_banded_system_has_the_solution_of_the_dense_one():
    for offsets, frames in ((1, 5), (2, 7), (3, 8), (4, 3)):
        bands = positive_definite_bands(offsets, frames)
        rhs = torch.randn(2, frames, 4, dtype=torch.float64)
        before = bands.clone(), rhs.clone()
        expected = torch.linalg.solve(dense(bands), rhs.flatten(1)).view_as(rhs)
        assert_close(solve_banded(bands, rhs), expected, **EXACT)
        assert_close((bands, rhs), before, rtol=0, atol=0)


def test_difference_bands_are_the_quadratic_form_of_weighted_differences():
    x = torch.randn(2, 9, 1, dtype=torch.float64)
    for order in (1, 2, 3):
        weight = torch.rand(2, 9 - order, dtype=torch.float64)
        expected = (weight * x[..., 0].diff(n=order, dim=1).square()).sum(1)
        matrix = dense(difference_bands(weight, order)[..., None, None])
        assert_close((x.mT @ matrix @ x)[:, 0, 0], expected, **EXACT)
