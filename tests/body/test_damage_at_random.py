"""Body files with seeded random damage, to the archive or inside it: valid bodies, or one sentence."""

import io
from pathlib import Path

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.gender_conversion import derive, load_gender_conversion
from motiongrpo.body.skin import load_skinned_body
from tests.damage import assert_one_sentence, damaged, repacked, within

COUNT = 15  # damaged files per kind
NEEDED = ("v_template", "shapedirs", "J_regressor", "eye_regressor", "weights", "f", "kintree_table")


def body_bytes() -> bytes:
    """The open body without the arrays that are not read here."""
    file = io.BytesIO()
    with np.load(OPEN_BODY) as archive:
        np.savez_compressed(file, **{name: archive[name] for name in NEEDED})  # type: ignore[arg-type]
    return file.getvalue()


def conversion_bytes() -> bytes:
    file = io.BytesIO()
    np.savez(file, female_A=np.eye(16), female_b=np.zeros(16))
    return file.getvalue()


def derived(path: Path) -> None:
    """Maps from a damaged body to whole ones, and to itself."""
    for gender in ("male", "neutral"):
        whole = path.parent / gender / "model.npz"
        whole.parent.mkdir(exist_ok=True)
        whole.write_bytes(OPEN_BODY.read_bytes())
    (path.parent / "female").mkdir(exist_ok=True)
    (path.parent / "female/model.npz").write_bytes(path.read_bytes())
    derive(path.parent, None)


@pytest.mark.parametrize(
    ("content", "load"),
    [
        (body_bytes(), load_skinned_body),
        (conversion_bytes(), load_gender_conversion),
        (body_bytes(), derived),
    ],
)
def test_a_body_file_is_read_or_refused_in_a_sentence(content, load, tmp_path):
    path = tmp_path / "body.npz"
    others = [(str(number), repacked(content, number)) for number in range(COUNT)]
    refused = []
    for _, other in [*damaged(content, 11, COUNT), *others]:
        path.write_bytes(other)
        with within():
            try:
                load(path)
            except InputError as error:
                refused.append(str(error))
    for sentence in refused:
        assert_one_sentence(sentence.replace(str(tmp_path), ""))
        assert str(tmp_path) in sentence
    assert len(refused) > COUNT


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("v_template", lambda a: a.sum(), r"'v_template' must have shape \(0, 3\), got \(\)"),
        ("shapedirs", lambda a: a.sum(), "has 0 shape coefficients"),
        ("v_template", lambda a: 100 * a, r"'v_template' reaches .* m; it must be in metres"),
        ("v_template", lambda a: a.astype(str), "'v_template' must hold numbers, got"),
        ("weights", lambda a: 0 * a, "'weights' must sum to one at every vertex"),
        ("weights", lambda a: np.eye(52)[np.zeros(len(a), int)], "'weights' give no vertex to LEFT_ANKLE or"),
        ("f", lambda a: a + 0.5, "'f' must hold triangles"),
        ("f", lambda a: a[:0], r"'f' must hold triangles of its 1229 vertices, got shape \(0, 3\)$"),
    ],
)
def test_an_array_that_no_body_has_is_named(name, change, message, tmp_path):
    with np.load(OPEN_BODY) as archive:
        arrays = {key: archive[key] for key in NEEDED}
    np.savez(tmp_path / "body.npz", **arrays | {name: np.asarray(change(arrays[name]))})
    with pytest.raises(InputError, match=message):
        load_skinned_body(tmp_path / "body.npz")


def test_arrays_of_gendered_bodies_that_do_not_fit_are_named(tmp_path):
    derived_from = tmp_path / "body.npz"
    np.savez(derived_from, v_template=np.zeros((9, 3)), shapedirs=np.zeros((8, 3, 16)))
    with pytest.raises(InputError, match=r"'shapedirs' must have shape \(9, 3, 16\), got \(8, 3, 16\)"):
        derived(derived_from)
    np.savez(derived_from, v_template=np.full((9, 3), np.nan), shapedirs=np.zeros((9, 3, 16)))
    with pytest.raises(InputError, match="'v_template' has non-finite values"):
        derived(derived_from)
    np.savez(derived_from, v_template=np.zeros((9, 3)))
    with pytest.raises(InputError, match="is not a body file: it has no 'shapedirs'"):
        derived(derived_from)
