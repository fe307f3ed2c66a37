"""The loss in joint space: its weights, its gradient, and its difference from the loss of rotations."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.representation import MotionState, true_motion
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.motion.windows import WindowBatch
from tests.bodies import FPS, open_body, window_batch

NECK, WRIST = 11, 19  # rows of the 21 rotations below the root


def loss(position: float = 0.0, velocity: float = 0.0) -> JointLoss:
    return JointLoss(open_body(), FPS, JointLossConfig(position=position, velocity=velocity))


def turned(batch: WindowBatch, rotation: int, radians: torch.Tensor) -> torch.Tensor:
    """The truth with one joint rotated about its first axis, by an angle for each frame."""
    state = true_motion(batch)
    vectors = torch.zeros(len(radians), 3, dtype=radians.dtype)
    vectors[:, 0] = radians
    R = state.body_rotmats.clone()
    R[:, :, rotation] = R[:, :, rotation] @ matrix_from_rotation_vector(vectors)
    return replace(state, body_rotmats=R).pack()


def constant(batch: WindowBatch, radians: float) -> torch.Tensor:
    return torch.full((batch.mask.shape[1],), radians, dtype=batch.betas.dtype)


def test_the_truth_costs_nothing_and_without_weights_nothing_does():
    batch = window_batch(frames=6)
    x_0 = true_motion(batch).pack()
    assert_close(loss(1, 1)(x_0, batch), x_0.new_zeros(()), rtol=0, atol=1e-6)
    assert float(loss(0, 0)(x_0.roll(1, dims=-1), batch)) == 0


def test_as_large_an_error_of_the_neck_costs_many_times_one_of_the_wrist():
    """Both are 0.1 rad in one joint, equal in EgoAllo's loss; one swings the body, the other a hand."""
    batch = window_batch(frames=6)
    neck, wrist = (loss(1)(turned(batch, joint, constant(batch, 0.1)), batch) for joint in (NECK, WRIST))
    assert float(neck) > 20 * float(wrist)


def test_it_is_the_mean_distance_times_its_weight():
    batch = window_batch(frames=6)
    x = turned(batch, NECK, constant(batch, 0.1))
    assert_close(loss(position=3)(x, batch), 3 * loss(position=1)(x, batch))
    assert loss(position=1).mpjpe_mm(x, batch) == pytest.approx(1000 * float(loss(position=1)(x, batch)))


def test_the_velocity_term_is_the_change_of_the_error_a_second():
    """A neck that turns by a further ε in every frame: its joints drift by the same distance per frame."""
    batch = window_batch(frames=6)
    drift = 1e-5 * torch.arange(6, dtype=batch.betas.dtype)
    in_a_frame = loss(position=1)(turned(batch, NECK, constant(batch, 1e-5)), batch)
    assert_close(loss(velocity=1)(turned(batch, NECK, drift), batch), FPS * in_a_frame, rtol=2e-2, atol=0)


def test_padding_counts_for_nothing():
    batch = window_batch(frames=6)
    mask = batch.mask.clone()
    mask[:, 4:] = False
    padded = replace(batch, mask=mask)
    drift = torch.tensor([0.1, 0.2, 0.1, 0.2, 5.0, 7.0], dtype=batch.betas.dtype)
    other = torch.tensor([0.1, 0.2, 0.1, 0.2, -3.0, 1.0], dtype=batch.betas.dtype)
    both = (loss(1, 1)(turned(batch, NECK, angles), padded) for angles in (drift, other))
    assert_close(next(both), next(both))


def test_its_gradient_is_the_slope_of_itself():
    batch = window_batch(frames=6)
    x_0, generator = true_motion(batch).pack(), torch.Generator().manual_seed(0)
    off, direction = (torch.randn(x_0.shape, generator=generator, dtype=x_0.dtype) for _ in range(2))
    x = (x_0 + 0.05 * off).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(1, 0.1)(x, batch), x)
    with torch.no_grad():
        slope = (loss(1, 0.1)(x + 1e-6 * direction, batch) - loss(1, 0.1)(x - 1e-6 * direction, batch)) / 2e-6
    assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-8)
    contacts = MotionState.unpack(gradient).contacts
    assert not contacts.any()
