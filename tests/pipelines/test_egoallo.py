"""EgoAllo's checkpoint through the pipelines: imported, used in every stage, and exported."""

import json

import pytest
import torch

from motiongrpo.base.checkpoint import load_checkpoint
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, read_egoallo, write_egoallo
from tests.denoisers import small
from tests.pipelines.kedro_project import run, succeed


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A small checkpoint in EgoAllo's layout, with hands and another condition than ours."""
    torch.manual_seed(0)
    config = small(include_hands=True, cond_param="absrel", noise_conditioning="film")
    model = EgoAlloModel(config, Denoiser(config).state_dict())
    return write_egoallo(model, tmp_path_factory.mktemp("egoallo"), 3_000_000)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, released):
    """The folder of a whole smoke run that starts from it."""
    data = tmp_path_factory.mktemp("data")
    succeed(data, "", pretraining__init="egoallo", pretraining__egoallo=released)
    return data


def test_the_pretrained_denoiser_is_egoallos_bit_for_bit(finished, released):
    theirs = read_egoallo(released, mask_self_attention=True)
    ours = load_checkpoint(finished / "06_models/smoke/pretrained_denoiser.safetensors", "denoiser")
    assert ours.header.architecture == theirs.config.model_dump()
    assert all(torch.equal(ours.tensors[name], tensor) for name, tensor in theirs.tensors.items())


def test_the_series_is_that_one_checkpoint_of_step_0_and_complete(finished):
    folder = finished / "06_models/smoke/pretraining"
    names = {"step_0000000.safetensors", "training_state.safetensors", "COMPLETE"}
    assert {path.name for path in folder.iterdir()} == names
    header = load_checkpoint(folder / "step_0000000.safetensors", "denoiser").header
    assert header.parameters == {"init": "egoallo"}
    assert (finished / "08_reporting/smoke/pretraining_log.jsonl").read_text() == ""


def test_it_is_scored_post_trained_and_reported(finished):
    scores = finished / "07_model_output/smoke/scores"
    assert json.loads((scores / "pretraining/step_0000000.json").read_text())["stage"] == "pretraining"
    assert (scores / "grpo/step_0000006.json").is_file()
    assert "Reward model" in (finished / "08_reporting/smoke/report.html").read_text()


def test_running_it_again_changes_nothing(finished, released):
    model = finished / "06_models/smoke/pretraining/step_0000000.safetensors"
    before = model.read_bytes()
    succeed(finished, "pretraining", pretraining__init="egoallo", pretraining__egoallo=released)
    assert model.read_bytes() == before


def test_another_start_under_the_same_name_is_refused(finished):
    result = run(finished, "pretraining")
    assert result.exit_code == 1
    assert "this run's denoiser was made with pretraining.init: egoallo, not random" in result.output


def test_other_weights_under_the_same_name_are_refused(finished, released, tmp_path):
    model = read_egoallo(released, mask_self_attention=True)
    changed = model.tensors | {"noise_emb.weight": model.tensors["noise_emb.weight"] + 1}
    other = write_egoallo(EgoAlloModel(model.config, changed), tmp_path, 1)
    result = run(finished, "pretraining", pretraining__init="egoallo", pretraining__egoallo=other)
    assert result.exit_code == 1
    assert "other egoallo" in result.output


def test_both_denoisers_of_a_run_are_exported_when_asked(finished):
    succeed(finished, "egoallo_export")
    models = finished / "06_models/smoke"
    for name, step in (("pretrained_denoiser", 0), ("policy", 6)):
        ours = load_checkpoint(models / f"{name}.safetensors", "denoiser")
        folder = models / "egoallo" / name
        assert (folder / f"checkpoints_{step}").is_dir()
        theirs = read_egoallo(folder, mask_self_attention=True)
        assert theirs.config.model_dump() == ours.header.architecture
        assert all(torch.equal(theirs.tensors[key], tensor) for key, tensor in ours.tensors.items())


REFUSALS = [
    ({"init": "egoallo"}, "init: egoallo needs the folder of a checkpoint in pretraining.egoallo, got none"),
    ({"egoallo": "somewhere"}, "egoallo is read with init: egoallo only, got 'somewhere' and init: random"),
    ({"init": "egoallo", "egoallo": "nowhere"}, "there is no EgoAllo checkpoint in 'nowhere'"),
    ({"init": "theirs"}, "input should be 'random' or 'egoallo', got 'theirs'"),
    (
        {"denoiser__condition__include_hand_positions_cond": True},
        "include_hand_positions_cond must be false, since training knows no wrists",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSALS)
def test_a_start_that_cannot_be_made_is_one_sentence_before_anything_runs(changes, sentence, tmp_path):
    result = run(tmp_path, "", **{f"pretraining__{name}": value for name, value in changes.items()})
    assert result.exit_code == 1
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
