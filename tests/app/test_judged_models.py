"""The run whose models are evaluated, found from the folders of runs."""

from pathlib import Path

from motiongrpo.app.judged_models import of_another_run, trained_run


def checkpoint(models: Path, name: str) -> None:
    path = models / name
    path.parent.mkdir(parents=True)
    path.touch()


def test_the_first_of_the_named_runs_that_has_a_checkpoint_of_a_training_is_judged(tmp_path):
    checkpoint(tmp_path, "hold/others/theirs.safetensors")
    checkpoint(tmp_path, "begun/pretraining/training_state.safetensors")
    checkpoint(tmp_path, "main/grpo/step_0000040.safetensors")
    checkpoint(tmp_path, "later/pretraining/step_0000008.safetensors")
    assert trained_run(tmp_path, "hold", "hold;begun;main;later") == "main"
    assert trained_run(tmp_path, "later", "main") == "later"
    assert trained_run(tmp_path, "hold", None) is None
    assert trained_run(tmp_path, "nowhere", "hold;begun") is None


def test_a_file_of_another_run_lies_in_the_same_layer():
    assert of_another_run(Path("data/08_reporting/hold/x.csv"), "main") == Path(
        "data/08_reporting/main/x.csv"
    )
