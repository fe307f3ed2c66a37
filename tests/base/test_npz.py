"""Archives of arrays: whole, small enough and plain, or refused."""

import io
import zipfile

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.base.npz import read_npz, read_numbers


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_arrays_come_out_of_an_npz_as_they_went_in():
    arrays = read_npz(npz(poses=np.arange(6.0).reshape(2, 3), gender="male"), "'a.npz'")
    assert arrays["poses"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["gender"].item() == "male"


WHOLE = npz(poses=np.zeros((40, 156)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            npz(poses=np.array([{"run": "me"}], dtype=object)),
            "'a.npz' holds 'poses' as pickled objects, which are never",
        ),
        (WHOLE[: len(WHOLE) // 2], "'a.npz' is not an npz archive, or its end is missing"),
        (b"\x80\x04K\x01.", "'a.npz' is a pickle, which is never loaded; convert it to npz first"),
        (b"", "'a.npz' is not an npz archive"),
        (b"some text", "'a.npz' is not an npz archive"),
        (WHOLE[:200] + b"xxxx" + WHOLE[204:], "'a.npz' is damaged: Bad CRC-32"),
    ],
)
def test_what_is_not_a_whole_npz_of_plain_arrays_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        read_npz(data, "'a.npz'")


def test_a_single_array_is_no_archive():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    with pytest.raises(InputError, match=r"'a\.npz' is not an npz archive"):
        read_npz(file.getvalue(), "'a.npz'")


def test_what_unpacks_to_more_than_is_allowed_is_refused_with_what_to_do():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(1_000_000))
    with pytest.raises(InputError, match=r"'a\.npz' unpacks to more than 1 MB; cut it"):
        read_npz(file.getvalue(), "'a.npz'", 1e6, "; cut it")


def test_only_what_is_wanted_is_unpacked_and_counted():
    file = io.BytesIO()
    np.savez_compressed(file, small=np.arange(3), large=np.zeros(1_000_000), pickled=np.array([{}], object))
    assert read_numbers(file.getvalue(), "'a.npz'", 1e6, ("small", "absent"))["small"].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match=r"'a\.npz' unpacks to more than 1 MB$"):
        read_numbers(file.getvalue(), "'a.npz'", 1e6, ("small", "large"))


def test_words_are_no_numbers():
    with pytest.raises(InputError, match=r"'a\.npz': 'gender' must hold numbers, got <U4"):
        read_numbers(npz(gender=np.array("male")), "'a.npz'", 1e6)


def test_a_member_that_is_no_array_is_named():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("poses.npy", b"0.1 0.2")
    with pytest.raises(InputError, match=r"'a\.npz' is damaged: 'poses' is no array; get the file again"):
        read_npz(file.getvalue(), "'a.npz'")
