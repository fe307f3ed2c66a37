from dataclasses import replace

import numpy as np
import pytest
import torch

from motiongrpo.base.errors import InputError
from motiongrpo.head.floor import EYES_M, SURE_M, estimated_floor
from motiongrpo.head.path import Touch
from tests.head.paths import moved, prepare, raw_path, times

RAW = raw_path(times(72, 6, 0.2))
EVERY = slice(None)


def test_a_given_floor_is_taken_and_moves_every_frame():
    lifted = moved(RAW, EVERY, (0.0, 0.0, 5.0))
    recording = prepare(lifted, floor_m=5.0)
    assert (recording.floor.how, recording.floor.height_m, recording.floor.sure_m) == ("given", 5.0, 0.0)
    found, expected = recording.stretches[0].T_world_cpf, prepare(RAW).stretches[0].T_world_cpf
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)


def test_a_floor_that_the_format_states_is_at_zero():
    assert (prepare(RAW).floor.how, prepare(RAW).floor.height_m) == ("format", 0.0)


@pytest.mark.parametrize("height", [-7.0, 0.0, 0.4])
def test_an_unknown_floor_follows_the_path_wherever_its_origin_is(height):
    recording = prepare(replace(moved(RAW, EVERY, (0.0, 0.0, height)), origin="unknown"))
    assert recording.floor.how == "estimated"
    assert abs(recording.floor.height_m - height) < 0.03  # the walker's eyes are 1.6 m high
    assert recording.floor.sure_m == SURE_M
    assert abs(float(np.quantile(recording.stretches[0].T_world_cpf[:, 6], 0.9)) - EYES_M) < 1e-4


def test_a_stated_floor_can_be_estimated_all_the_same():
    started = moved(RAW, EVERY, (0.0, 0.0, -1.6))
    assert prepare(started, floor_m="estimate").floor.how == "estimated"


def test_who_sits_down_for_a_while_does_not_move_the_floor():
    standing = np.full(3000, 1.6)
    sitting = np.concatenate([standing, np.full(3000, 1.15)])
    assert estimated_floor(sitting, "f").height_m == pytest.approx(estimated_floor(standing, "f").height_m)


def test_a_path_that_rises_by_more_than_a_person_has_no_floor():
    stairs = np.linspace(0, 3, 1000)
    with pytest.raises(InputError, match=r"floor of 'f\.csv' cannot be estimated: the eyes rise by 2\.67 m"):
        estimated_floor(stairs, "f.csv")


def test_worlds_that_share_no_origin_get_a_floor_each():
    rows = slice(216, None)
    other = (np.arange(len(RAW.time_s)) >= 216).astype(int)
    lifted = replace(moved(RAW, rows, (0.0, 0.0, 3.0)), map_id=other, origin="unknown")
    recording = prepare(lifted)
    medians = [float(stretch.T_world_cpf[:, 6].median()) for stretch in recording.stretches]
    assert medians == pytest.approx([1.58, 1.58], abs=0.02)
    assert any("holds 2 worlds that share no origin" in sentence for sentence in recording.warnings)


def test_a_world_that_leaves_its_stated_floor_is_warned_of():
    recording = prepare(moved(RAW, slice(300, None), (0.0, 0.0, 3.0)))
    assert any("the eyes are 4.6 m over the floor" in sentence for sentence in recording.warnings)


def test_who_hardly_moves_may_be_sitting():
    poses = np.tile(RAW.T_world_cpf[:1], (len(RAW.time_s), 1))
    poses[:, 4] += 0.01 * np.sin(RAW.time_s)
    still = replace(RAW, T_world_cpf=poses, origin="unknown")
    assert any("may have been sitting" in sentence for sentence in prepare(still).warnings)
    assert not any("sitting" in sentence for sentence in prepare(replace(RAW, origin="unknown")).warnings)
    assert not (prepare(still).touched() & Touch.GAP).any()
