from dataclasses import replace

import torch
from torch.testing import assert_close

from motiongrpo.body.kinematics import pose_body
from motiongrpo.body.skeleton import Joint
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.representation import MotionState, true_motion
from motiongrpo.geometry.se3 import Transform
from tests.bodies import open_body, window_batch

EXACT = {"rtol": 0, "atol": 1e-9}


def sampled(x: torch.Tensor, batch) -> PlacedMotion:
    return PlacedMotion.sampled(x, batch.T_world_cpf[:, 1:], batch.mask)


def test_the_packed_truth_is_placed_where_the_truth_is():
    batch = window_batch()
    placed, truth = sampled(true_motion(batch).pack(), batch), PlacedMotion.truth(batch)
    assert_close(placed.betas, truth.betas, **EXACT)
    assert_close(
        placed.posed(open_body())[1].p_world_joint, truth.posed(open_body())[1].p_world_joint, **EXACT
    )
    assert_close(placed.contacts, truth.contacts, rtol=0, atol=0)
    assert_close(
        truth.posed(open_body())[1].p_world_joint, batch.posed(open_body())[1].p_world_joint, **EXACT
    )


def test_whatever_the_sample_the_head_is_where_the_path_says():
    batch = window_batch(frames=8)
    torch.manual_seed(0)
    x = true_motion(batch).pack()
    placed = sampled(x + 0.3 * torch.randn_like(x), batch)
    body, posed = placed.posed(open_body())
    head = posed.joint(Joint.HEAD)
    T_world_cpf = Transform.from_wxyz_xyz(batch.T_world_cpf[:, 1:])
    assert_close(head.R, T_world_cpf.R, **EXACT)
    assert_close(head.apply(body.p_head_cpf), T_world_cpf.p, **EXACT)


def test_a_placed_body_is_its_zero_body_posed_from_its_root():
    batch = window_batch(frames=4)
    truth = PlacedMotion.truth(batch)
    body, posed = truth.posed(open_body())
    again = pose_body(body, truth.R_parent_joint, posed.joint(Joint.PELVIS))
    assert_close(again.p_world_joint, posed.p_world_joint, **EXACT)


def test_a_samples_shape_is_its_mean_over_real_frames():
    batch = window_batch(frames=6, count=2)
    batch = replace(batch, mask=torch.arange(6) < torch.tensor([[4], [6]]))
    state = true_motion(batch)
    betas = torch.randn(2, 6, 16, dtype=torch.float64)
    x = MotionState(betas, state.body_rotmats, state.contacts, None).pack()
    expected = torch.stack([betas[0, :4].mean(0), betas[1].mean(0)])
    assert_close(sampled(x, batch).betas, expected, **EXACT)


def test_a_samples_contacts_are_labels_and_its_hands_are_not_judged():
    batch = window_batch(frames=4, count=2)
    state = true_motion(batch)
    contacts = torch.linspace(-1, 2, 2 * 4 * 21, dtype=torch.float64).view(2, 4, 21)
    hands = torch.randn(2, 4, 30, 3, 3, dtype=torch.float64)
    placed = sampled(MotionState(state.betas, state.body_rotmats, contacts, hands).pack(), batch)
    assert_close(placed.contacts, (contacts > 0.5).double(), rtol=0, atol=0)
    assert placed.R_parent_joint.shape == (2, 4, 21, 3, 3)
