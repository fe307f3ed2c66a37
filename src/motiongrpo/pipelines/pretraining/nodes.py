"""Pretraining: the denoiser learns motion under head paths."""

import logging
from pathlib import Path

import pandas as pd

from motiongrpo import __version__
from motiongrpo.base.checkpoint import (
    Checkpoint,
    CheckpointFolder,
    Header,
    TrainingCheckpoint,
    load_checkpoint,
    weights_digest,
)
from motiongrpo.base.compilation import Compiler
from motiongrpo.base.errors import InputError
from motiongrpo.base.precision import Precision
from motiongrpo.base.processes import on_processes, training_processes
from motiongrpo.body.body_model import OPEN_BODY, BodyModel, load_body_model
from motiongrpo.diffusion.egoallo import read_egoallo
from motiongrpo.diffusion.trained import EGOALLO_USAGE
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.training.loop import Steps, refuse_changes
from motiongrpo.training.materials import Materials, refuse_other_body
from motiongrpo.training.pretraining import train_prior

logger = logging.getLogger(__name__)


def train_denoiser(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    state: Checkpoint | None,
    config: PretrainingConfig,
    evaluation: EvaluationConfig,
    window: WindowConfig,
    device: str,
    precision: Precision,
    compiler: Compiler | None,
    processes: int | None,
) -> Steps:
    """Train from the last saved state to the end; every yield is on disk before the next step.

    With `init: egoallo` the denoiser is read from a file instead: a series of one checkpoint, at step 0.
    """
    _refuse_other_start(state, config)
    if config.init == "egoallo":
        refuse_other_body(body, motions)
        yield [], adopt_denoiser(body, state, config)
        return
    materials = Materials(
        motions, windows, body, window, device, precision, compiler, planned=config.denoiser
    )
    training = (train_prior, materials, state, config, evaluation.sampling)
    if processes is None and config.denoiser.dropout_p > 0:  # several cannot draw the same
        processes = 1
    yield from on_processes(training_processes(processes, device), device, *training)


def adopt_denoiser(
    body: BodyModel, state: Checkpoint | None, config: PretrainingConfig
) -> TrainingCheckpoint:
    """EgoAllo's denoiser as the result of a training without steps."""
    assert config.egoallo is not None  # checked with the parameters
    model = read_egoallo(Path(config.egoallo), config.denoiser.mask_self_attention)
    if body.digest == load_body_model(OPEN_BODY).digest:
        logger.warning("EgoAllo's shape coefficients are those of SMPL-H; the open body means others by them")
    header = Header(
        kind="denoiser",
        stage="pretraining",
        step=0,
        seed=config.seed,
        architecture=model.config.model_dump(),
        body_digest=body.digest,
        parameters=config.model_dump(include={"init"}),
        inputs={"egoallo": weights_digest(model.tensors)},
        code_version=__version__,
        metrics={},
        usage=EGOALLO_USAGE.model_dump(mode="json"),
    )
    if state is not None:
        refuse_changes(state.header, header)
    nothing = Checkpoint(header.model_copy(update={"kind": "training_state"}), {})
    return TrainingCheckpoint(Checkpoint(header, model.tensors), nothing, complete=True)


def _refuse_other_start(state: Checkpoint | None, config: PretrainingConfig) -> None:
    before = None if state is None else state.header.parameters.get("init")
    if before not in (None, config.init):
        raise InputError(
            f"this run's denoiser was made with pretraining.init: {before}, not {config.init}; "
            "choose another name with --params run=NAME"
        )


def keep_denoiser(checkpoints: CheckpointFolder) -> Checkpoint:
    """The averaged weights of the last step, from which every later stage starts."""
    return load_checkpoint(checkpoints.final(), "denoiser")
