"""Materials have one body: nothing is trained, scored or shown on motion made for another."""

from dataclasses import replace

import pandas as pd
import pytest

from motiongrpo.base.checkpoint import Checkpoint, Header
from motiongrpo.base.errors import InputError
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.training.materials import Materials
from tests.bodies import open_body, stored, synthetic_clips

WINDOWS = pd.DataFrame({"split": ["train"], "sequence": [0], "start": [1], "length": [20], "subject": ["0"]})


@pytest.fixture(scope="module")
def motions(tmp_path_factory) -> MotionStore:
    return stored(tmp_path_factory.mktemp("store"), synthetic_clips(1))


def checkpoint(body: str) -> Checkpoint:
    return Checkpoint(
        Header(
            kind="denoiser",
            stage="pretraining",
            step=1,
            seed=0,
            architecture={},
            body_digest=body,
            parameters={},
            inputs={},
            code_version="",
            metrics={},
            weights="w",
        ),
        {},
    )


def materials(motions: MotionStore, **given) -> Materials:
    return Materials(motions, WINDOWS, open_body(), WindowConfig(length=16, at_least=8), "cpu", **given)


def test_inputs_are_named_by_digest(motions):
    found = materials(motions, pretrained=checkpoint(open_body().digest)).inputs
    assert found["pretrained_denoiser"] == "w"
    assert found["motions"] == motions.digest
    assert "reward_model" not in found


def test_motion_of_another_body_is_refused(motions):
    other = replace(motions, header=replace(motions.header, body_digest="another"))
    with pytest.raises(InputError, match=r"the motion store was made with another body file than .*ingest"):
        materials(other)


@pytest.mark.parametrize(("role", "name"), [("pretrained", "pretrained_denoiser"), ("reward_model",) * 2])
def test_a_network_of_another_body_is_refused(role, name, motions):
    with pytest.raises(InputError, match=rf"{name} was made with another body file than .*train again"):
        materials(motions, **{role: checkpoint("another")})


NONE = {"floor_m": 0.0, "jitter_m": 0.0, "jitter_rad": 0.0, "gap_s": 0.0, "rate_hz": 30.0}


def test_the_anchor_has_the_whole_loss_that_the_prior_was_made_with(motions):
    body = open_body().digest
    kept = checkpoint(body)
    kept.header.parameters["joint_loss"] = {"position": 0.5, "velocity": 0.25}
    found = materials(motions, pretrained=kept).anchor_loss()
    assert found is not None
    assert (found.joint.config.position, found.joint.config.velocity) == (0.5, 0.25)
    assert found.disturbance is None
    kept.header.parameters["disturbance"] = NONE | {"share": 0.5, "floor_m": 0.1}
    disturbance = materials(motions, pretrained=kept).anchor_loss().disturbance
    assert (disturbance.share, disturbance.floor_m) == (0.5, 0.1)
    assert materials(motions, pretrained=checkpoint(body)).anchor_loss() is None
