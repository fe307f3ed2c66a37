import roma
import torch
from torch.testing import assert_close

from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.rewards.joint import (
    PosedMotion,
    aligned_position_errors,
    by_frame,
    masked_mean,
    position_errors,
    real_steps,
    rotation_errors,
    velocity_errors,
)
from tests.bodies import FPS

EXACT = {"rtol": 0, "atol": 1e-9}


def rotation_error(guess, truth, mask, kind):
    return masked_mean(rotation_errors(guess, truth, kind), mask)


def position_error(guess, truth, mask):
    return masked_mean(position_errors(guess, truth), mask)


def aligned_position_error(guess, truth, mask):
    return masked_mean(aligned_position_errors(guess, truth), mask)


def velocity_error(guess, truth, mask, fps):
    return masked_mean(velocity_errors(guess, truth, fps), real_steps(mask))


def motion(batch: int = 3, frames: int = 6) -> PosedMotion:
    torch.manual_seed(batch)
    return PosedMotion(
        roma.random_rotmat((batch, frames, 22), dtype=torch.float64),
        torch.randn(batch, frames, 22, 3, dtype=torch.float64),
    )


MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] * 6])


def test_the_truth_has_no_error():
    true = motion()
    assert float(rotation_error(true, true, MASK, "geodesic").max()) < 1e-6
    assert float(rotation_error(true, true, MASK, "axis_angle_components").max()) == 0
    for error in (position_error, aligned_position_error):
        assert float(error(true, true, MASK).max()) < 1e-9
    assert float(velocity_error(true, true, MASK, FPS).max()) == 0


def test_known_errors_are_measured():
    true = motion()
    axis = torch.nn.functional.normalize(torch.randn(3, 6, 22, 3, dtype=torch.float64), dim=-1)
    turned = PosedMotion(
        true.R_parent_joint @ matrix_from_rotation_vector(0.2 * axis),
        true.p_world_joint + torch.tensor([0.03, 0.04, 0.0], dtype=torch.float64),
    )
    each = torch.ones(3, dtype=torch.float64)
    assert_close(rotation_error(turned, true, MASK, "geodesic"), 0.2 * each, **EXACT)
    assert_close(position_error(turned, true, MASK), 0.05 * each, **EXACT)
    assert_close(aligned_position_error(turned, true, MASK), 0 * each, **EXACT)
    assert_close(velocity_error(turned, true, MASK, FPS), 0 * each, **EXACT)


def test_the_guess_is_aligned_to_the_truth_and_the_error_is_at_the_scale_of_the_truth():
    """A similarity of the prediction changes nothing; the error grows with the scale of the truth."""
    true = motion()
    noisy = PosedMotion(true.R_parent_joint, true.p_world_joint + motion(5).p_world_joint[:3])
    R = roma.random_rotmat((), dtype=torch.float64)
    moved = PosedMotion(noisy.R_parent_joint, 3 * noisy.p_world_joint @ R.mT + 1)
    expected = aligned_position_error(noisy, true, MASK)
    assert float(expected.min()) > 0.1
    assert_close(aligned_position_error(moved, true, MASK), expected, **EXACT)
    larger = PosedMotion(true.R_parent_joint, 3 * true.p_world_joint)
    assert_close(aligned_position_error(noisy, larger, MASK), 3 * expected, **EXACT)


def test_the_same_frames_at_twice_the_rate_have_twice_the_velocity_error():
    guess, true = (PosedMotion(motion(n).R_parent_joint[:3], motion(n).p_world_joint[:3]) for n in (3, 5))
    error = velocity_error(guess, true, MASK, FPS)
    assert float(error.min()) > 0.1
    assert_close(velocity_error(guess, true, MASK, 2 * FPS), 2 * error, **EXACT)


def test_a_growing_distance_is_a_velocity_error():
    true = motion()
    drift = torch.arange(6, dtype=torch.float64)[None, :, None, None] * 0.01
    moving = PosedMotion(true.R_parent_joint, true.p_world_joint + drift * torch.tensor([1.0, 0, 0]).double())
    assert_close(
        velocity_error(moving, true, MASK, FPS), torch.full((3,), 0.01 * FPS, dtype=torch.float64), **EXACT
    )


def test_padded_frames_change_nothing():
    true, guess = motion(), PosedMotion(motion(3).R_parent_joint, motion(3).p_world_joint + 0.1)
    errors = (
        position_error,
        aligned_position_error,
        lambda g, t, m: velocity_error(g, t, m, FPS),
        lambda g, t, m: rotation_error(g, t, m, "geodesic"),
    )
    before = [error(guess, true, MASK) for error in errors]
    guess.p_world_joint[1, 4:] += 5.0
    guess.R_parent_joint[1, 4:] = torch.eye(3).double()
    for error, value in zip(errors, before, strict=True):
        assert_close(error(guess, true, MASK), value, rtol=0, atol=0)


def test_a_velocity_error_by_frame_is_shared_by_the_two_frames_it_lies_between():
    true = motion()
    guess = PosedMotion(
        true.R_parent_joint, true.p_world_joint + torch.rand(3, 6, 22, 3, dtype=torch.float64)
    )
    errors = velocity_errors(guess, true, FPS)
    spread = by_frame(errors, MASK)
    assert_close(spread.sum(1), (errors * real_steps(MASK)[..., None]).sum(1), **EXACT)
    assert not bool(spread[1, 4:].any())
    assert_close(spread[0, 0], 0.5 * errors[0, 0], **EXACT)
