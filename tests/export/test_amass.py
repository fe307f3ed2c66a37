"""AMASS's npz, read back by the project's reader of AMASS."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from motiongrpo.base.npz import read_npz
from motiongrpo.body.skeleton import Joint
from motiongrpo.export.amass import amass_arrays, write_amass
from motiongrpo.head.path import Touch
from motiongrpo.motion.sources.amass import AmassConfig, amass_clip
from tests.bodies import FPS, open_body
from tests.export.tracks import FRAMES, split_walk, walk, wild

CONFIG = AmassConfig(subsets=["KIT"], skip=[], middle_share=1.0, betas="file", gender="neutral", fps={})


@pytest.mark.parametrize("track", [walk(), wild()], ids=["walk", "wild"])
def test_the_reader_of_amass_finds_every_joint_where_it_was(track, tmp_path):
    write_amass(track, open_body(), tmp_path / "a.npz")
    clip = amass_clip(read_npz((tmp_path / "a.npz").read_bytes(), "a.npz"), "KIT/a.npz", open_body(), CONFIG)
    assert (clip.fps, len(clip)) == (FPS, len(track))
    assert_close(clip.betas.double(), track.betas.double(), rtol=0, atol=1e-6)
    joints = clip.posed(open_body())[1].p_world_joint[:, :22].double()
    assert_close(joints, track.posed(open_body()).p_world_joint, rtol=0, atol=1e-5)


def test_trans_is_from_the_origin_of_the_body_file_and_not_from_the_pelvis():
    arrays = amass_arrays(walk(), open_body())
    pelvis = open_body().rest_joints(walk().betas)[Joint.PELVIS].numpy()
    assert np.abs(pelvis).max() > 1e-4
    assert_allclose(arrays["trans"] + pelvis, walk().T_world_root[:, 4:], rtol=0, atol=1e-12)


def test_arrays_have_the_shapes_and_types_of_amass_and_the_hands_are_open():
    arrays = amass_arrays(walk(), open_body())
    assert arrays["poses"].shape == (FRAMES, 156)
    assert {arrays[key].dtype.name for key in ("poses", "trans", "betas")} == {"float64"}
    assert not arrays["poses"][:, 66:].any()
    assert np.abs(arrays["poses"][:, :66]).max() > 0.1
    assert (arrays["gender"].item(), arrays["mocap_framerate"].item()) == ("neutral", 30.0)
    female = amass_arrays(replace(walk(), gender="female"), open_body())
    assert female["gender"].item() == "female"


def test_a_split_recording_is_one_file_that_says_of_each_frame_its_stretch_its_time_and_its_flags(tmp_path):
    write_amass(split_walk(), open_body(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["stretch"].tolist() == [1] * 10 + [2] * 14
        assert np.diff(arrays["source_s"])[9] == pytest.approx(3 + 1 / FPS)
        assert arrays["source_s"][0] == 1000.5
        assert np.flatnonzero(arrays["touched"]).tolist() == [4, 5, 12]
        assert arrays["touched"][12] == Touch.GAP | Touch.TRACKING
        assert np.array_equal(arrays["contacts"], walk().contacts)
        assert_allclose(arrays["T_world_cpf"], walk().T_world_cpf, rtol=0, atol=1e-12)
        assert torch.isfinite(torch.from_numpy(arrays["poses"])).all()
