"""Skinned meshes; that their joints agree with our kinematics is tested there."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.kinematics import pose_body, sole_positions
from motiongrpo.body.mesh import Mesher
from motiongrpo.geometry.se3 import Transform
from tests.bodies import open_body
from tests.motion.rigs import random_motion


@pytest.fixture(scope="module")
def mesher() -> Mesher:
    return Mesher(OPEN_BODY)


def test_the_zero_pose_is_the_shaped_template_of_the_file(mesher):
    """It is linear in the shape, with the root joint at the requested position."""
    betas = torch.randn(2, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64)
    root = Transform(identity.expand(2, 3, 3), torch.tensor([[0.0, 0, 0], [1, 2, 3]]).double())
    vertices, joints = mesher.skin(betas, identity.expand(2, 51, 3, 3), root)
    with np.load(OPEN_BODY) as file:
        template, shapes = file["v_template"].astype(float), file["shapedirs"].astype(float)
        shaped = torch.from_numpy(template + np.einsum("vck,bk->bvc", shapes, betas.numpy()))
    pelvis = open_body().rest_joints(betas)[:, 0]
    assert_close(vertices.double(), shaped - pelvis[:, None] + root.p[:, None], rtol=0, atol=1e-5)
    assert_close(joints[:, 0].double(), root.p, rtol=0, atol=1e-6)


def test_soles_of_the_mesh_are_the_soles_of_our_body(mesher):
    """Our points on the soles are vertices; each skin vertex that one joint owns moves rigidly with it."""
    betas = torch.randn(4, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rotations, root = random_motion(4, seed=4)
    rotations[:, 6:11] = torch.eye(3, dtype=torch.float64)  # ankles and toes as at rest: no blending
    body = open_body().shaped(betas)
    soles = sole_positions(body, pose_body(body, rotations, root))
    vertices, _ = mesher.skin(betas, rotations, root)
    gap = torch.cdist(soles, vertices.double()).amin(dim=-1)
    assert float(gap.max()) < 5e-3  # the shin is blended in slightly


def test_faces_are_triangles_of_vertices(mesher):
    vertices, _ = mesher.skin(
        torch.zeros(1, 16), torch.eye(3).expand(1, 51, 3, 3), Transform(torch.eye(3)[None], torch.zeros(1, 3))
    )
    assert mesher.faces.shape[1] == 3
    assert sorted(set(mesher.faces.ravel())) == list(range(vertices.shape[1]))


def test_a_file_that_is_no_body_is_refused_before_smplx_sees_it(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.zeros(3))
    with pytest.raises(InputError, match="has no 'v_template': it is not in SMPL-H format"):
        Mesher(tmp_path / "a.npz")
