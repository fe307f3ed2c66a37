"""Held-out motion recorded and shown: the content of recordings, and messages where none can be shown."""

import shutil

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.diffusion.recording import load_recordings
from motiongrpo.motion.store import open_store
from tests.bodies import stored_arrays
from tests.pipelines.kedro_project import run, succeed

SHORT = {"viewer__server__open_seconds": 0.2, "viewer__server__port": 0, "viewer__seconds": 1}


@pytest.fixture
def data(smoke_run, tmp_path):
    return shutil.copytree(smoke_run[0], tmp_path / "data")


def recorded(data):
    return load_recordings([data / "07_model_output/smoke/recordings"])


def test_truth_and_samples_of_both_models_are_recorded_under_held_out_heads(data):
    pytest.importorskip("viser", reason="the extra viewer is not installed")
    succeed(data, "viewer", viewer__sequences=2, **SHORT)
    recordings = recorded(data)
    assert len(recordings) == 2
    store = open_store(data / "02_intermediate/smoke/motions")
    stored = stored_arrays(store)
    for name, recording in recordings.items():
        models = ("pretrained 1", "pretrained 2", "post-trained 1", "post-trained 2")
        assert recording.names == ("truth", *models)
        first = int(store.sequences.set_index("name").loc[name, "first"]) + 1
        frames = slice(first, first + 30)
        assert_close(
            recording.motions.T_world_cpf[3],
            torch.tensor(stored["T_world_cpf"][frames]),
        )
        _, posed = recording.motions.posed(load_body_model(OPEN_BODY))
        root = torch.tensor(stored["T_world_root"][frames])
        assert_close(posed.p_world_joint[0, :, 0], root[:, 4:], rtol=0, atol=1e-4)
        assert float((posed.p_world_joint[1] - posed.p_world_joint[2]).abs().max()) > 1e-3


def test_what_was_recorded_before_makes_way_and_a_model_that_is_not_there_is_left_out(data):
    pytest.importorskip("viser", reason="the extra viewer is not installed")
    succeed(data, "viewer", viewer__sequences=3, **SHORT)
    (data / "06_models/smoke/policy.safetensors").unlink()
    succeed(data, "viewer", viewer__sequences=1, viewer__samples=1, **SHORT)
    (recording,) = recorded(data).values()
    assert recording.names == ("truth", "pretrained 1")


def test_without_the_extra_nothing_is_recorded_and_the_remedy_is_told(data, monkeypatch):
    monkeypatch.setattr("motiongrpo.app.requirements.find_spec", lambda name: None)
    result = run(data, "viewer", **SHORT)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "viser, which is not installed: pip install --constraint constraints.txt" in result.output
    assert not (data / "07_model_output/smoke/recordings").exists()
