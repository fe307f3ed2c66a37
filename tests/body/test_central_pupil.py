import torch
from torch.testing import assert_close

from motiongrpo.body.kinematics import central_pupil_frame, pose_body
from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.se3 import Transform
from tests.bodies import open_body
from tests.motion.rigs import random_motion


def test_whatever_the_pose_the_frame_is_fixed_to_the_head():
    """T_head_world · T_world_cpf is the midpoint of the eyes in head coordinates, with the head's axes."""
    model, betas = open_body(), torch.randn(16, generator=torch.Generator().manual_seed(0)).double()
    body = model.shaped(betas)
    rotations, root = random_motion(8, seed=3)
    posed = pose_body(body, rotations, root)
    p_head_eyes = model.eyes(betas) - model.rest_joints(betas)[Joint.HEAD]
    T_head_cpf = posed.joint(Joint.HEAD).inverse() @ central_pupil_frame(body, posed)
    assert_close(T_head_cpf.R, torch.eye(3, dtype=torch.float64).expand(8, 3, 3), rtol=0, atol=1e-12)
    assert_close(T_head_cpf.p, p_head_eyes.expand(8, 3), rtol=0, atol=1e-12)


def test_moving_the_world_moves_the_frame_along():
    body = open_body().shaped(torch.zeros(16, dtype=torch.float64))
    rotations, root = random_motion(5, seed=1)
    _, T_new_world = random_motion(5, seed=2)
    here = central_pupil_frame(body, pose_body(body, rotations, root))
    there = central_pupil_frame(body, pose_body(body, rotations, T_new_world @ root))
    expected: Transform = T_new_world @ here
    assert_close(there.R, expected.R, rtol=0, atol=1e-12)
    assert_close(there.p, expected.p, rtol=0, atol=1e-12)


def test_the_eyes_are_on_the_midline_of_a_mean_body_before_and_above_its_head_joint():
    p = open_body().shaped(torch.zeros(16, dtype=torch.float64)).p_head_cpf
    assert abs(float(p[0])) < 1e-3
    assert 0.03 < float(p[1]) < 0.15
    assert 0.05 < float(p[2]) < 0.15
