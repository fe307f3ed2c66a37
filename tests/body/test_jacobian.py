import torch
from torch.testing import assert_close

from motiongrpo.body.jacobian import hung_jacobian
from motiongrpo.body.kinematics import pose_body, root_from_head, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from tests.bodies import open_body


def test_the_jacobian_is_the_derivative_of_kinematics_of_a_hung_body():
    generator = torch.Generator().manual_seed(0)
    body = open_body().shaped(torch.randn(16, generator=generator, dtype=torch.float64))
    R = matrix_from_rotation_vector(torch.randn(21, 3, generator=generator, dtype=torch.float64))
    v = torch.tensor([0.4, -0.3, 0.8], dtype=torch.float64)
    head = Transform(matrix_from_rotation_vector(v), v)

    def points(turn: torch.Tensor) -> torch.Tensor:
        rotations = R @ matrix_from_rotation_vector(turn.view(21, 3))
        posed = pose_body(body, rotations, root_from_head(body, rotations, head))
        return torch.cat([posed.p_world_joint, sole_positions(body, posed)])

    posed = pose_body(body, R, root_from_head(body, R, head))
    owners = [*range(BODY_JOINTS), *body.sole_joints]
    found = hung_jacobian(posed, owners, points(torch.zeros(63, dtype=torch.float64)))
    step = 1e-5 * torch.eye(63, dtype=torch.float64)
    expected = torch.stack([(points(h) - points(-h)) / 2e-5 for h in step], dim=-1)
    assert_close(found, expected, rtol=0, atol=1e-8)
