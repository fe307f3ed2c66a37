"""Maps of betas between body files, on small files made from the open body."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.gender_conversion import (
    GenderConversion,
    Shapes,
    affine_map,
    derive,
    load_gender_conversion,
)

RANDOM = np.random.default_rng(0)
MIXES = {"female": RANDOM.standard_normal((16, 16)), "male": RANDOM.standard_normal((16, 16))}
PICKLED = np.array([{"run": "me"}], dtype=object)
SHIFTS = {"female": RANDOM.standard_normal(16), "male": RANDOM.standard_normal(16)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Gendered files that span the neutral file's shapes, and SMPL-X-like ones of another mesh."""
    root = tmp_path_factory.mktemp("bodies")
    with np.load(OPEN_BODY) as archive:
        neutral = {key: archive[key].astype(np.float64) for key in archive}
    bodies = {"neutral": neutral} | {
        gender: neutral
        | {
            "v_template": neutral["v_template"] + neutral["shapedirs"] @ SHIFTS[gender],
            "shapedirs": neutral["shapedirs"] @ MIXES[gender],
        }
        for gender in MIXES
    }
    for gender, arrays in bodies.items():
        (root / "smplh" / gender).mkdir(parents=True)
        np.savez(root / "smplh" / gender / "model.npz", **arrays)
        np.savez(root / f"SMPLX_{gender.upper()}.npz", **_other_mesh(arrays))
    return root


def _other_mesh(arrays):
    """The same body with its vertices in another order and twice over, moved in space, and 55 joints."""
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(arrays["v_template"])), 2))
    regressor = arrays["J_regressor"][:, order] / 2
    return {
        "v_template": arrays["v_template"][order] + [0, 0.1, 0],
        "shapedirs": np.concatenate([arrays["shapedirs"][order], np.ones((len(order), 3, 4))], axis=2),
        "J_regressor": np.concatenate([regressor, regressor[:3]]),
    }


def test_gendered_betas_become_the_neutral_betas_of_the_same_vertices(folders):
    maps = derive(folders / "smplh", None)
    for gender in ("female", "male"):
        assert_allclose(maps[f"{gender}_A"], MIXES[gender], rtol=0, atol=1e-8)
        assert_allclose(maps[f"{gender}_b"], SHIFTS[gender], rtol=0, atol=1e-8)


def test_what_the_neutral_shapes_cannot_make_is_met_in_least_squares():
    """Compared with the slow way, a fit to many sampled bodies."""
    random = np.random.default_rng(0)
    source = Shapes(random.standard_normal(60), random.standard_normal((60, 16)))
    target = Shapes(random.standard_normal(60), random.standard_normal((60, 16)))
    A, b = affine_map(source, target)
    betas = random.standard_normal(16)
    wanted = source.base + source.directions @ betas - target.base
    fitted, *_ = np.linalg.lstsq(target.directions, wanted, rcond=None)
    assert_allclose(A @ betas + b, fitted, rtol=0, atol=1e-10)


def test_bodies_of_another_mesh_keep_their_joints(folders):
    maps = derive(folders / "smplh", folders)
    with np.load(folders / "smplh/neutral/model.npz") as archive:
        arrays = dict(archive)
    joints = np.einsum("jv,vck->jck", arrays["J_regressor"][:22], arrays["shapedirs"])
    joints -= joints[:1]
    betas = RANDOM.standard_normal(16)
    for gender in ("female", "male"):
        converted = maps[f"smplx_{gender}_A"] @ betas + maps[f"smplx_{gender}_b"]
        off = joints @ converted - joints @ (MIXES[gender] @ betas + SHIFTS[gender])
        assert np.abs(off).max() < 0.005  # metres; shapes that joints cannot distinguish stay at the mean
    assert_allclose(joints @ maps["smplx_neutral_b"], 0, rtol=0, atol=1e-6)


def test_the_command_writes_a_file_that_converts(folders, tmp_path):
    command = [
        sys.executable,
        "-m",
        "motiongrpo.body.gender_conversion",
        folders / "smplh",
        tmp_path / "to.npz",
    ]
    subprocess.run([*map(str, command)], check=True)
    conversion = load_gender_conversion(tmp_path / "to.npz")
    betas = torch.linspace(-1, 1, 16)
    expected = torch.from_numpy(MIXES["male"] @ betas.double().numpy() + SHIFTS["male"]).float()
    assert_close(conversion.neutral("male", betas, "a"), expected, rtol=0, atol=1e-5)
    assert conversion.neutral("neutral", betas, "a") is betas
    with pytest.raises(
        InputError, match="betas of a robot body, and the conversion file is for female, male"
    ):
        conversion.neutral("robot", betas, "a")
    refused = subprocess.run(
        [*map(str, command[:3]), tmp_path, tmp_path / "b.npz"], capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "no neutral body file" in refused.stderr


def test_a_wrong_body_file_is_refused(folders, tmp_path):
    for gender in ("neutral", "female"):
        (tmp_path / gender).mkdir()
    with np.load(folders / "smplh/neutral/model.npz") as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "neutral/model.npz", **arrays)
    for change, message in (
        ({"v_template": arrays["v_template"][:9], "shapedirs": arrays["shapedirs"][:9]}, "has another mesh"),
        ({"shapedirs": arrays["shapedirs"][..., :10]}, "has 10 shape coefficients"),
        ({"shapedirs": PICKLED}, "as pickled objects, which are never loaded"),
    ):
        np.savez(tmp_path / "female/model.npz", **arrays | change)
        with pytest.raises(InputError, match=message):
            derive(tmp_path, None)
    with pytest.raises(InputError, match="no female SMPL-X file"):
        derive(folders / "smplh", tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "is not a gender conversion"),
        ({"male_A": np.eye(10), "male_b": np.zeros(10)}, r"male must be \(16, 16\) and \(16,\)"),
        ({"male_A": np.eye(16)}, "male must be"),
        ({"male_A": PICKLED}, "as pickled objects, which are never loaded"),
    ],
)
def test_a_wrong_conversion_file_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "to.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_gender_conversion(tmp_path / "to.npz")
    with pytest.raises(InputError, match="make it from your own body files"):
        load_gender_conversion(tmp_path / "absent.npz")


def test_nothing_is_converted_without_a_map():
    with pytest.raises(InputError, match="the conversion file is for "):
        GenderConversion({}, "digest").neutral("female", torch.zeros(16), "a")
