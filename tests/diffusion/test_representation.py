import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.representation import MotionState, feature_count, feature_sizes, true_motion
from motiongrpo.geometry.so3 import matrix_from_quaternion
from tests.bodies import window_batch

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("hands", [False, True])
def test_the_packed_frame_has_the_published_width_and_order(hands):
    assert feature_count(hands) == (496 if hands else 226)
    assert list(feature_sizes(hands)) == ["betas", "body_rotmats", "contacts", "hand_rotmats"][: 3 + hands]
    x = torch.arange(float(feature_count(hands))).expand(2, 3, -1)
    state = MotionState.unpack(x)
    assert_close(state.pack(), x, rtol=0, atol=0)
    assert float(state.body_rotmats[0, 0, 0, 0, 1]) == 17  # row by row, after 16 betas
    assert float(state.contacts[0, 0, 0]) == 205
    if state.hand_rotmats is not None:
        assert float(state.hand_rotmats[0, 0, 0, 0, 0]) == 226


def test_the_truth_of_a_window_is_its_rotations_shape_and_contacts():
    batch = window_batch(frames=6, count=2)
    state = MotionState.unpack(true_motion(batch).pack())
    assert_close(state.body_rotmats, matrix_from_quaternion(batch.q_parent_joint), **EXACT)
    assert_close(state.betas, batch.betas[:, None].expand(-1, 6, -1), rtol=0, atol=0)
    assert_close(state.contacts, batch.contacts.double(), rtol=0, atol=0)
    assert state.hand_rotmats is None


def test_true_matrices_are_their_own_nearest_rotations():
    state = true_motion(window_batch(frames=6, count=2))
    assert_close(state.rotations(), state.body_rotmats, rtol=0, atol=1e-10)


def test_any_matrix_becomes_a_rotation_and_no_rotation_is_nearer():
    torch.manual_seed(0)
    x = torch.randn(2, 3, feature_count(hands=True), dtype=torch.float64)
    state = MotionState.unpack(x)
    R = state.rotations()
    assert R.shape == (2, 3, 51, 3, 3)
    assert_close(R @ R.mT, torch.eye(3, dtype=torch.float64).expand_as(R), **EXACT)
    assert_close(torch.linalg.det(R), torch.ones(2, 3, 51, dtype=torch.float64), **EXACT)
    assert state.hand_rotmats is not None
    M = torch.cat([state.body_rotmats, state.hand_rotmats], dim=-3)
    distance = (R - M).square().sum((-1, -2))
    for _ in range(50):
        other = roma.random_rotmat((2, 3, 51), dtype=torch.float64)
        assert ((other - M).square().sum((-1, -2)) >= distance).all()
