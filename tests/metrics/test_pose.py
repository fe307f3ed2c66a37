"""Position, rotation and head errors: by hand, against theory, and an example of what PA is not."""

import math

import pytest
import roma
import torch
from scipy.spatial.transform import Rotation
from torch.testing import assert_close

from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.metrics.pose import (
    head_position_mm,
    head_rotation_deg,
    mpjpe_mm,
    mpjre_deg,
    mpjve_mm_s,
    pa_mpjpe_mm,
)


def bodies(batch: int, frames: int, seed: int = 0) -> torch.Tensor:
    """22 points spread as widely as the joints of a person."""
    spread = torch.tensor([0.25, 0.15, 0.5], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, 22, 3, generator=generator, dtype=torch.float64) * spread


def real(p: torch.Tensor) -> torch.Tensor:
    return torch.ones(p.shape[:2], dtype=torch.bool)


def millimetres(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_truth_has_no_error():
    truth = bodies(2, 5)
    assert_close(mpjpe_mm(truth, truth, real(truth)), millimetres(0, 0), rtol=0, atol=0)
    assert_close(pa_mpjpe_mm(truth, truth, real(truth)), millimetres(0, 0), rtol=0, atol=1e-10)
    assert_close(mpjve_mm_s(truth, truth, real(truth), 30.0), millimetres(0, 0), rtol=0, atol=0)


def test_one_joint_of_22_that_is_off_by_44_cm_in_one_frame_of_two_counts_10_mm():
    truth = bodies(1, 2)
    guess = truth.clone()
    guess[0, 1, 7] += torch.tensor([0.0, 0.0, 0.44], dtype=torch.float64)
    assert_close(mpjpe_mm(guess, truth, real(truth)), millimetres(10), rtol=0, atol=1e-10)


def test_a_shift_of_5_cm_is_all_of_mpjpe_and_none_of_pa_mpjpe():
    truth = bodies(1, 8)
    guess = truth + torch.tensor([0.03, 0.0, -0.04], dtype=torch.float64)
    assert_close(mpjpe_mm(guess, truth, real(truth)), millimetres(50), rtol=0, atol=1e-10)
    assert_close(pa_mpjpe_mm(guess, truth, real(truth)), millimetres(0), rtol=0, atol=1e-9)


def test_a_rotation_with_a_shift_is_seen_by_mpjpe_and_not_by_pa_mpjpe():
    truth = bodies(1, 8)
    R = roma.rotvec_to_rotmat(torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64))
    guess = truth @ R.mT + torch.tensor([0.1, 0.05, 0.0], dtype=torch.float64)
    distances = [
        math.dist(guess[0, frame, joint], truth[0, frame, joint]) for frame in range(8) for joint in range(22)
    ]
    expected = 1000 * sum(distances) / len(distances)
    assert expected > 150
    assert_close(mpjpe_mm(guess, truth, real(truth)), millimetres(expected), rtol=0, atol=1e-9)
    assert_close(pa_mpjpe_mm(guess, truth, real(truth)), millimetres(0), rtol=0, atol=1e-9)


def test_noise_of_5_cm_an_axis_has_the_mean_of_chi_and_alignment_takes_what_seven_freedoms_can():
    """E|N(0, σ² I₃)| = σ √(8/π). A similarity fits 7 of the 66 coordinates, and what it leaves is scaled down
    by the fraction of the prediction that is not noise. Published, on a real body: 79.4 and 74.8."""
    truth = bodies(1, 4000)
    noise = 0.05 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    chi = 50 * math.sqrt(8 / math.pi)
    assert_close(mpjpe_mm(truth + noise, truth, real(truth)), millimetres(chi), rtol=0, atol=0.3)
    noise_to_signal = 3 * 0.05**2 / (0.25**2 + 0.15**2 + 0.5**2)
    left = chi * math.sqrt((1 - 7 / 66) / (1 + noise_to_signal))
    assert_close(pa_mpjpe_mm(truth + noise, truth, real(truth)), millimetres(left), rtol=0, atol=0.3)


def test_pa_mpjpe_ignores_any_similarity_of_the_guess_in_any_frame():
    truth, guess = bodies(2, 6), bodies(2, 6, seed=1)
    generator = torch.Generator().manual_seed(2)
    R = roma.rotvec_to_rotmat(2 * torch.randn(2, 6, 3, generator=generator, dtype=torch.float64))
    scale = 0.5 + torch.rand(2, 6, 1, 1, generator=generator, dtype=torch.float64)
    shift = torch.randn(2, 6, 1, 3, generator=generator, dtype=torch.float64)
    moved = scale * guess @ R.mT + shift
    before, after = (pa_mpjpe_mm(p, truth, real(truth)) for p in (guess, moved))
    assert_close(after, before, rtol=0, atol=1e-9)


def test_pa_mpjpe_is_in_the_scale_of_the_truth():
    """Doubling the truth doubles the error, doubling the prediction does not change it."""
    truth, guess = bodies(1, 6), bodies(1, 6, seed=1)
    error = pa_mpjpe_mm(guess, truth, real(truth))
    assert_close(pa_mpjpe_mm(2 * guess, truth, real(truth)), error, rtol=0, atol=1e-9)
    assert_close(pa_mpjpe_mm(guess, 2 * truth, real(truth)), 2 * error, rtol=0, atol=1e-9)


def test_pa_mpjpe_does_not_turn_a_body_into_its_mirror_image():
    truth = bodies(1, 4)
    mirrored = truth * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    assert pa_mpjpe_mm(mirrored, truth, real(truth)).item() > 50


def test_pa_mpjpe_agrees_with_scipy():
    """Kabsch by scipy, then the scale in closed form."""
    truth, guess = bodies(1, 5), bodies(1, 5, seed=1)
    distances = []
    for p, q in zip(guess[0].numpy(), truth[0].numpy(), strict=True):
        p, q = p - p.mean(0), q - q.mean(0)
        turned = Rotation.align_vectors(q, p)[0].apply(p)
        aligned = turned * (turned * q).sum() / (p * p).sum()
        distances.append(((aligned - q) ** 2).sum(1) ** 0.5)
    expected = 1000 * sum(d.mean() for d in distances) / len(distances)
    assert_close(pa_mpjpe_mm(guess, truth, real(truth)), millimetres(expected), rtol=0, atol=1e-6)


def test_a_guess_that_drifts_away_at_3_cm_a_second_has_that_velocity_error_at_any_frame_rate():
    for fps in (30.0, 120.0):
        truth = bodies(1, 20)
        drift = 0.03 / fps * torch.arange(20, dtype=torch.float64)[:, None, None]
        guess = truth + drift * torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        assert_close(mpjve_mm_s(guess, truth, real(truth), fps), millimetres(30), rtol=0, atol=1e-9)


def test_a_constant_offset_has_no_velocity_error():
    truth = bodies(1, 6)
    assert_close(mpjve_mm_s(truth + 0.2, truth, real(truth), 30.0), millimetres(0), rtol=0, atol=1e-10)


def test_a_velocity_across_the_edge_of_the_real_frames_does_not_count():
    truth = torch.zeros(1, 4, 22, 3, dtype=torch.float64)
    guess = truth.clone()
    guess[:, 2:] += 1
    mask = torch.tensor([[True, True, False, False]])
    assert_close(mpjve_mm_s(guess, truth, mask, 30.0), millimetres(0), rtol=0, atol=0)


def test_a_window_of_one_real_frame_has_no_velocity():
    truth = bodies(2, 4)
    mask = torch.tensor([[True] * 4, [True, False, False, False]])
    with pytest.raises(ValueError, match=r"at least 2 real frames in a row, got fewer in \[1\]"):
        mpjve_mm_s(truth, truth, mask, 30.0)


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


def test_a_head_7_cm_and_20_degrees_off_in_half_of_the_frames_is_35_mm_and_10_degrees_off():
    given = Transform(torch.eye(3, dtype=torch.float64).expand(1, 4, 3, 3), torch.randn(1, 4, 3).double())
    off = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)[None, :, None]
    axis = torch.tensor([2.0, -1.0, 2.0], dtype=torch.float64) / 3
    worn = Transform(matrix_from_rotation_vector(off * math.radians(20) * axis), given.p + 0.07 * off * axis)
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert_close(head_position_mm(worn, given, mask), torch.tensor([35.0]).double(), rtol=0, atol=1e-10)
    assert_close(head_rotation_deg(worn, given, mask), torch.tensor([10.0]).double(), rtol=0, atol=1e-10)


def test_the_given_head_is_not_off():
    given = Transform(torch.eye(3, dtype=torch.float64).expand(2, 4, 3, 3), torch.ones(2, 4, 3).double())
    mask = torch.ones(2, 4, dtype=torch.bool)
    assert head_position_mm(given, given, mask).tolist() == [0, 0]
    assert head_rotation_deg(given, given, mask).tolist() == [0, 0]
