"""The models that a command evaluates: its run's, or those of the first run of `runs` with trainings."""

from pathlib import Path

from motiongrpo.base.checkpoint import CheckpointFolder
from motiongrpo.base.run_names import named_runs
from motiongrpo.diffusion.candidates import TRAININGS

TRAINING_STAGES = ("pretraining", "reward_model", "grpo", "ablation")
"""The stages that train: a command with one of them uses only its own run's models."""

OF_TRAININGS = (
    *("pretrained_denoiser", "pretrained_denoiser_if_any", "pretraining_log"),
    *("reward_model", "reward_log", "reward_report"),
    *("policy", "policy_if_any", "grpo_log", "diversity_log"),
    "band_calibration_if_any",
)
"""The files of a trained run that are read to evaluate and to show its models, by catalog name."""


def trained_run(models: Path, run: str, runs: str | None) -> str | None:
    """The first of `run` and the other named runs with a checkpoint of a training below `models`."""
    for name in dict.fromkeys([run, *named_runs(runs)]):
        if any(CheckpointFolder(models / name / training).files() for training in TRAININGS):
            return name
    return None


def of_another_run(file: Path, run: str) -> Path:
    """The path of the same file in another run: `08_reporting/main/x.csv` for `08_reporting/hold/x.csv`."""
    return file.parent.with_name(run) / file.name
