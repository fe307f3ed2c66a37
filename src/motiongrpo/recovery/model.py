"""The model that a recovery uses: the policy where there is one, unless another is named."""

from pathlib import Path

import torch

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.trained import TrainedDenoiser, Usage, head_height_and_speed, load_trained
from motiongrpo.head.path import HeadRecording
from motiongrpo.metrics.bands import BandCalibration

OUTSIDE = 0.05  # share of frames outside what a model was trained on, from which on it is a warning


def chosen_model(
    wanted: str | None, pretrained: Checkpoint | None, policy: Checkpoint | None, body: BodyModel
) -> TrainedDenoiser:
    """The model that is wanted, refused where it is not there or was trained with another body file."""
    if wanted not in (None, "policy", "pretrained"):
        model = load_trained(Path(wanted).expanduser())
    else:
        stored = {"policy": policy, "pretrained": pretrained}
        found = stored[wanted] if wanted else policy or pretrained
        if found is None:
            raise InputError(
                f"there is no {wanted or 'trained'} model in this run yet; make run trains one, "
                "recovery.checkpoint=FILE names another, and run=NAME another run"
            )
        model = TrainedDenoiser.of(found)
    if model.body_digest not in (None, body.digest):
        raise InputError(
            f"{model.name} was trained with another body file than '{body.name}'; pass that file with "
            "--params body=FILE"
        )
    return model


def unlike_training(recording: HeadRecording, usage: Usage) -> list[str]:
    """A sentence for each way in which a recording leaves what the model was trained on."""
    paths = [stretch.T_world_cpf for stretch in recording.stretches]
    each = [head_height_and_speed(path, recording.fps) for path in paths]
    height, speed = (torch.cat(values) for values in zip(*each, strict=True))
    sentences = []
    if usage.head_height_m is not None:
        low, high = usage.head_height_m
        for share, what in (
            (float((height < low).float().mean()), f"lower than {low:.2f} m"),
            (float((height > high).float().mean()), f"higher than {high:.2f} m"),
        ):
            if share > OUTSIDE:
                sentences.append(
                    f"in {share:.0%} of the frames the eyes are {what}, where the model has seen next to "
                    "nothing: a floor that is off, or a pose it does not know"
                )
    if usage.head_speed_m_s is not None:
        share = float((speed > usage.head_speed_m_s).float().mean())
        if share > OUTSIDE:
            sentences.append(
                f"in {share:.0%} of the frames the head is faster than {usage.head_speed_m_s:.1f} m/s, which "
                "the model has hardly seen"
            )
    return sentences


def matching(calibration: BandCalibration | None, model: TrainedDenoiser) -> BandCalibration | None:
    """The bands, where they were calibrated for these weights and this sampler."""
    if calibration is None or calibration.weights != model.weights:
        return None
    return calibration if calibration.sampling == model.usage.sampling else None
