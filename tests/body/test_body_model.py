import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY, find_body_file, load_body_model


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    with np.load(OPEN_BODY) as archive:
        return dict(archive)


def saved(tmp_path, arrays, **changes):
    np.savez(tmp_path / "body.npz", **{k: v for k, v in (arrays | changes).items() if v is not None})
    return tmp_path / "body.npz"


def test_rest_joints_are_the_regressed_vertices_of_the_shaped_mesh(arrays):
    betas = np.random.default_rng(0).standard_normal(16)
    vertices = arrays["v_template"] + arrays["shapedirs"] @ betas
    joints = load_body_model(OPEN_BODY).rest_joints(torch.from_numpy(betas))
    assert_close(joints, torch.from_numpy(arrays["J_regressor"].astype(float) @ vertices), rtol=0, atol=1e-9)


def test_a_file_with_smplh_vertices_has_its_eyes_where_egoallo_takes_them(tmp_path, arrays):
    """A random mesh with 6890 vertices, so that no licensed data are needed."""
    random = np.random.default_rng(0)
    template = random.standard_normal((6890, 3))
    weights = np.zeros((6890, 52))
    weights[np.arange(6890), np.arange(6890) % 52] = 1
    path = saved(
        tmp_path,
        arrays,
        v_template=template,
        shapedirs=np.zeros((6890, 3, 16)),
        J_regressor=np.full((52, 6890), 1 / 6890),
        weights=weights,
        eye_regressor=None,
    )
    pupil = (template[[6260, 6262]].mean(0) + template[[2800, 2802]].mean(0)) / 2
    assert_close(load_body_model(path).eyes.base, torch.from_numpy(pupil), rtol=0, atol=1e-12)


def test_both_folder_layouts_of_the_releases_are_found(tmp_path):
    extended = tmp_path / "a" / "smplh" / "male" / "model.npz"
    smplx_layout = tmp_path / "b" / "SMPLH_MALE.npz"
    for path in (extended, smplx_layout):
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_body_file(tmp_path / "a", "male") == extended
    assert find_body_file(tmp_path / "b", "male") == smplx_layout
    with pytest.raises(InputError, match="no female body file"):
        find_body_file(tmp_path / "a", "female")


def test_pickled_objects_are_never_loaded(tmp_path, arrays):
    path = saved(tmp_path, arrays, weights=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(InputError, match="'weights' as pickled objects"):
        load_body_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"J_regressor": None}, "has no 'J_regressor'"),
        ({"shapedirs": np.zeros((1229, 3, 10))}, "has 10 shape coefficients"),
        ({"weights": np.zeros((1229, 24))}, r"'weights' must have shape \(1229, 52\)"),
        ({"v_template": np.full((1229, 3), np.nan)}, "'v_template' has non-finite values"),
        ({"kintree_table": np.zeros((2, 52))}, "is not the joint tree"),
        ({"kintree_table": np.zeros(52)}, r"'kintree_table' must have shape \(2, 52\), got \(52,\)"),
        ({"eye_regressor": np.zeros(1229)}, r"'eye_regressor' must have shape \(2, 1229\), got \(1229,\)"),
        ({"eye_regressor": None}, "its eyes are unknown"),
    ],
)
def test_a_wrong_body_file_is_refused_in_one_sentence(tmp_path, arrays, change, message):
    with pytest.raises(InputError, match=message):
        load_body_model(saved(tmp_path, arrays, **change))


def test_a_pickle_is_refused_unread(tmp_path):
    path = tmp_path / "body.npz"
    path.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InputError, match="is a pickle, which is never loaded; convert it to npz first"):
        load_body_model(path)
