"""The model of a recovery, and its warnings about recordings unlike its training."""

import pytest
import torch

from motiongrpo.base.checkpoint import Checkpoint, Header, save_checkpoint
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.recovery.model import chosen_model, unlike_training
from tests.bodies import open_body
from tests.denoisers import small
from tests.recovery.test_parts import USAGE, recording, stretch


def checkpoint(stage: str, body_digest: str = "") -> Checkpoint:
    torch.manual_seed(0)
    denoiser = Denoiser(small(encoder_layers=1, decoder_layers=1))
    header = Header(
        kind="denoiser",
        stage=stage,
        step=1,
        seed=0,
        architecture=denoiser.config.model_dump(),
        body_digest=body_digest or open_body().digest,
        parameters={},
        inputs={},
        code_version="0",
        metrics={},
        usage=USAGE.model_dump(mode="json"),
    )
    return Checkpoint(header, denoiser.state_dict())


PRETRAINED, POLICY = checkpoint("pretraining"), checkpoint("grpo")


@pytest.mark.parametrize(
    ("wanted", "pretrained", "policy", "stage"),
    [
        (None, PRETRAINED, POLICY, "grpo"),
        (None, PRETRAINED, None, "pretraining"),
        ("pretrained", PRETRAINED, POLICY, "pretraining"),
        ("policy", PRETRAINED, POLICY, "grpo"),
    ],
)
def test_the_policy_is_taken_unless_another_is_wanted(wanted, pretrained, policy, stage):
    assert f"of {stage}" in chosen_model(wanted, pretrained, policy, open_body()).name


def test_a_checkpoint_anywhere_can_be_named(tmp_path):
    save_checkpoint(POLICY, tmp_path / "mine.safetensors")
    model = chosen_model(str(tmp_path / "mine.safetensors"), PRETRAINED, None, open_body())
    assert "mine.safetensors" in model.name


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (None, "there is no trained model in this run yet; make run trains one"),
        ("policy", "there is no policy model in this run yet"),
        ("nowhere.safetensors", r"there is no checkpoint at 'nowhere\.safetensors'"),
    ],
)
def test_a_model_that_is_not_there_is_said_so(wanted, sentence):
    with pytest.raises(InputError, match=sentence):
        chosen_model(wanted, None, None, open_body())


def test_a_model_of_another_body_is_refused():
    with pytest.raises(InputError, match="trained with another body file than"):
        chosen_model(None, None, checkpoint("grpo", body_digest="x"), open_body())


def test_a_recording_like_the_training_has_no_warning_and_a_raised_one_has():
    walk = recording(stretch(90))
    height = float(walk.stretches[0].T_world_cpf[:, 6].median())
    usage = USAGE.model_copy(update={"head_height_m": (height - 0.3, height + 0.3), "head_speed_m_s": 5.0})
    assert unlike_training(walk, usage) == []
    low = usage.model_copy(update={"head_height_m": (height - 0.6, height - 0.4)})
    assert "100% of the frames the eyes are higher" in unlike_training(walk, low)[0]
    slow = usage.model_copy(update={"head_speed_m_s": 0.01})
    assert "the head is faster than 0.0 m/s" in unlike_training(walk, slow)[0]
