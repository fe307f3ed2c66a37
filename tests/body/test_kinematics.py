import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.body.kinematics import central_pupil_frame, pose_body, root_from_head, sole_positions
from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import PARENTS, Joint
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector


@pytest.fixture(scope="module")
def model():
    return load_body_model(OPEN_BODY)


def random_pose(batch: int, joints: int = 51) -> tuple[torch.Tensor, Transform]:
    torch.manual_seed(batch)
    rotations = roma.random_rotmat((batch, joints), dtype=torch.float64)
    root = Transform(
        roma.random_rotmat(batch, dtype=torch.float64), torch.randn(batch, 3, dtype=torch.float64)
    )
    return rotations, root


def test_joints_agree_with_smplx_below_a_tenth_of_a_millimetre(model):
    """The oracle skins a mesh; ours uses no vertices. With random betas and poses, hands included."""
    betas = 2 * torch.randn(64, 16, dtype=torch.float64)
    rotations, root = random_pose(64)
    posed = pose_body(model.shaped(betas), rotations, root)
    _, joints = Mesher(OPEN_BODY).skin(betas, rotations, root)
    assert_close(posed.p_world_joint.float(), joints, rtol=0, atol=1e-4)


def test_the_zero_pose_is_the_rest_pose(model):
    betas = torch.randn(3, 16, dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64)
    root = Transform(identity.expand(3, 3, 3), model.rest_joints(betas)[:, 0])
    posed = pose_body(model.shaped(betas), identity.expand(3, 51, 3, 3), root)
    assert_close(posed.p_world_joint, model.rest_joints(betas), rtol=0, atol=1e-12)


def test_bones_keep_their_length_and_joints_their_local_rotation(model):
    body = model.shaped(torch.randn(16, dtype=torch.float64))
    rotations, root = random_pose(5)
    posed = pose_body(body, rotations, root)
    for joint in range(1, 52):
        bone = posed.p_world_joint[:, joint] - posed.p_world_joint[:, PARENTS[joint]]
        assert_close(bone.norm(dim=-1), body.t_parent_joint[joint].norm().expand(5), rtol=0, atol=1e-12)
        local = posed.R_world_joint[:, PARENTS[joint]].mT @ posed.R_world_joint[:, joint]
        assert_close(local, rotations[:, joint - 1], rtol=0, atol=1e-12)


def test_a_body_without_hands_has_the_same_22_joints(model):
    body = model.shaped(torch.zeros(16, dtype=torch.float64))
    rotations, root = random_pose(4)
    full, short = pose_body(body, rotations, root), pose_body(body, rotations[:, :21], root)
    assert_close(short.p_world_joint, full.p_world_joint[:, :22], rtol=0, atol=0)


def test_hanging_a_body_from_its_own_head_gives_its_own_root(model):
    body = model.shaped(torch.randn(6, 16, dtype=torch.float64))
    rotations, root = random_pose(6)
    T_world_cpf = central_pupil_frame(body, pose_body(body, rotations, root))
    found = root_from_head(body, rotations, T_world_cpf)
    assert_close(found.R, root.R, rtol=0, atol=1e-12)
    assert_close(found.p, root.p, rtol=0, atol=1e-12)


def test_kinematics_is_differentiable(model):
    body = model.shaped(torch.zeros(16, dtype=torch.float64))
    vectors = torch.randn(2, 21, 3, dtype=torch.float64, requires_grad=True)
    root = Transform(
        torch.eye(3, dtype=torch.float64).expand(2, 3, 3), torch.zeros(2, 3, dtype=torch.float64)
    )

    def wrist(v):
        return pose_body(body, matrix_from_rotation_vector(v), root).p_world_joint[:, Joint.LEFT_WRIST]

    assert torch.autograd.gradcheck(wrist, (vectors,))


def test_the_standing_body_rests_on_its_soles(model):
    """In the zero pose, upright: soles on the floor within their thickness, pupils in front of the head."""
    betas = torch.zeros(16, dtype=torch.float64)
    body = model.shaped(betas)
    upright = matrix_from_rotation_vector(torch.tensor([torch.pi / 2, 0, 0], dtype=torch.float64))
    root = Transform(upright, torch.tensor([0, 0, 1.0], dtype=torch.float64) * body.standing_height[0])
    posed = pose_body(body, torch.eye(3, dtype=torch.float64).expand(51, 3, 3), root)
    soles = sole_positions(body, posed)
    assert soles[:, 2].min().abs() < 1e-12
    assert soles[:, 2].max() < 0.03
    assert posed.p_world_joint[Joint.LEFT_HIP, 0] > 0
    eyes = central_pupil_frame(body, posed)
    assert -eyes.p[1] > 0.05  # the body faces world −y
    assert 1.55 < eyes.p[2] < 1.70
    assert_close(body.standing_height, posed.p_world_joint[:, 2], rtol=0, atol=1e-12)
