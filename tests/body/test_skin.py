"""The skin of a body file."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.body.skin import load_skinned_body


def changed(folder, **arrays):
    with np.load(OPEN_BODY) as file:
        whole = {key: file[key] for key in file} | arrays
    np.savez(folder / "body.npz", **{key: value for key, value in whole.items() if value is not None})
    return folder / "body.npz"


def test_vertices_are_the_template_moved_along_the_shape_directions():
    body = load_skinned_body(OPEN_BODY)
    betas = torch.randn(16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with np.load(OPEN_BODY) as file:
        expected = file["v_template"].astype(float) + file["shapedirs"].astype(float) @ betas.numpy()
        assert np.array_equal(body.faces, file["f"])
        eyes = file["eye_regressor"].astype(float).mean(0) @ expected
    assert_allclose(body.vertices(betas), expected, rtol=0, atol=1e-12)
    assert_allclose(body.model.eyes(betas), eyes, rtol=0, atol=1e-9)


def test_what_moves_with_a_finger_moves_with_its_wrist():
    body = load_skinned_body(OPEN_BODY)
    assert_allclose(body.body_weights().sum(1), 1, rtol=0, atol=1e-12)
    for side in ("LEFT", "RIGHT"):
        fingers = [joint for joint in Joint if joint.name.startswith(side) and joint >= BODY_JOINTS]
        wrist = Joint[f"{side}_WRIST"]
        expected = body.weights[:, [wrist, *fingers]].sum(1)
        assert_allclose(body.body_weights()[:, wrist], expected, rtol=0, atol=1e-12)
    knee = Joint.LEFT_KNEE
    assert np.array_equal(body.body_weights()[:, knee], body.weights[:, knee])


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (None, r"body file '.*' has no 'f', its triangles: it has no mesh to export"),
        (
            np.array([[0, 1, 1229]]),
            "'f' must hold triangles of its 1229 vertices, got numbers from 0 to 1229",
        ),
        (np.array([[0, 1, 2, 3]]), r"'f' must hold triangles of its 1229 vertices, got shape \(1, 4\)"),
        (np.array([[0, 1, -1]]), "got numbers from -1 to 1"),
        (np.array([{"a": 1}], dtype=object), "holds 'f' as pickled objects"),
    ],
)
def test_triangles_that_are_none_are_refused(tmp_path, faces, message):
    with pytest.raises(InputError, match=message):
        load_skinned_body(changed(tmp_path, f=faces))


def test_a_file_that_is_no_body_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.zeros(3))
    with pytest.raises(InputError, match="has no 'v_template': it is not in SMPL-H format"):
        load_skinned_body(tmp_path / "a.npz")
