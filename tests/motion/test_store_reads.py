"""Reading stretches of the store, as in training."""

import copy
import resource

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from motiongrpo.base.errors import InputError
from motiongrpo.motion.store import ARRAYS
from tests.bodies import stored, stored_arrays, synthetic_clips


@pytest.fixture
def store(tmp_path):
    return stored(tmp_path, synthetic_clips(3))


def test_a_stretch_is_the_frames_of_the_arrays_and_the_last_one_again(store):
    first, count = np.array([0, 50, 7]), np.array([20, 1, 13])
    for name in ARRAYS:
        found = store.stretches((name,), first, count, 20)
        for row, start, real in zip(found, first, count, strict=True):
            frames = start + np.minimum(np.arange(20), real - 1)
            assert_array_equal(row, stored_arrays(store)[name][frames])


def test_arrays_of_one_kind_are_joined(store):
    both = store.stretches(("q_body", "q_hand"), np.array([5, 9]), np.array([8, 3]), 8)
    parts = [store.stretches((name,), np.array([5, 9]), np.array([8, 3]), 8) for name in ("q_body", "q_hand")]
    assert_array_equal(both, np.concatenate(parts, axis=2))


def test_a_file_that_shrank_is_named(store):
    path = store.path / "q_body.bin"
    path.write_bytes(path.read_bytes()[:-1])
    frames = int(store.sequences["frames"].sum())
    with pytest.raises(InputError, match=f"ends before frame {frames}; ingest again"):
        store.stretches(("q_body",), np.array([frames - 4]), np.array([4]), 4)


def test_a_copy_reads_on_when_the_original_is_gone(store):
    wanted = np.array([3]), np.array([5]), 5
    before = store.stretches(("q_body",), *wanted)
    other = copy.deepcopy(store)
    del store
    assert_array_equal(other.stretches(("q_body",), *wanted), before)


def test_reading_everything_keeps_little_of_it_in_memory(store):
    """A store of 400 MiB, read from end to end through windows, raises the peak by a fraction of it."""
    path, size = store.path / "q_body.bin", 21 * 4 * 4
    frames = (400 << 20) // size
    with path.open("r+b") as file:
        file.truncate(frames * size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, frames - 8192, 8192):
        store.stretches(("q_body",), np.array([start]), np.array([8192]), 8192)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 100
