import math

import roma
import torch
from torch.testing import assert_close

from motiongrpo.metrics.rotation import mpjre_deg


def rotations(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return roma.rotvec_to_rotmat(torch.randn(*shape, 3, generator=generator, dtype=torch.float64))


def test_every_joint_turned_by_10_degrees_about_any_axis_is_an_error_of_10_degrees():
    """A componentwise difference of rotation vectors would depend on the axis and on the pose."""
    truth = rotations(1, 4, 22)
    axis = torch.nn.functional.normalize(rotations(1, 4, 22, seed=1)[..., 0], dim=-1)
    guess = truth @ roma.rotvec_to_rotmat(axis * math.radians(10))
    error = mpjre_deg(guess, truth, torch.ones(1, 4, dtype=torch.bool))
    assert_close(error, torch.tensor([10.0], dtype=torch.float64), rtol=0, atol=1e-10)


def test_one_joint_of_22_turned_by_half_a_turn_counts_180_over_22_degrees():
    truth = rotations(1, 3, 22)
    guess = truth.clone()
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
    guess[:, :, 5] = truth[:, :, 5] @ half_turn
    error = mpjre_deg(guess, truth, torch.ones(1, 3, dtype=torch.bool))
    assert_close(error, torch.tensor([180 / 22], dtype=torch.float64), rtol=0, atol=1e-6)


def test_turning_guess_and_truth_alike_changes_no_angle():
    guess, truth, turn = rotations(2, 5, 22), rotations(2, 5, 22, seed=1), rotations(2, 5, 22, seed=2)
    mask = torch.ones(2, 5, dtype=torch.bool)
    error = mpjre_deg(guess, truth, mask)
    assert_close(mpjre_deg(turn @ guess, turn @ truth, mask), error, rtol=0, atol=1e-9)
    assert_close(mpjre_deg(guess @ turn, truth @ turn, mask), error, rtol=0, atol=1e-9)


def test_the_truth_has_no_rotation_error():
    truth = rotations(2, 5, 22)
    assert_close(
        mpjre_deg(truth, truth, torch.ones(2, 5, dtype=torch.bool)), torch.zeros(2).double(), rtol=0, atol=0
    )
