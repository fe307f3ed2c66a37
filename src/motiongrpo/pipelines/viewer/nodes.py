"""The viewer: truth and samples under held-out head paths, recorded and shown."""

import logging

import numpy as np
import pandas as pd

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.progress import with_progress
from motiongrpo.base.seeds import seed_for
from motiongrpo.body.body_model import BodyModel, body_file, load_body_model
from motiongrpo.body.mesh import Mesher
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Recording
from motiongrpo.diffusion.recovery import recover
from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import read_windows, split_rows
from motiongrpo.training.materials import refuse_other_body
from motiongrpo.viz.viewer.server import ViewerConfig, view

logger = logging.getLogger(__name__)


def draw_recordings(
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    pretrained: Checkpoint,
    policy: Checkpoint | None,
    config: ViewerConfig,
    evaluation: EvaluationConfig,
) -> dict[str, Recording]:
    """The first seconds of evenly spaced held-out sequences: truth, and samples of each existing model."""
    stored = {"pretrained_denoiser": pretrained} | ({} if policy is None else {"policy": policy})
    refuse_other_body(body, motions, **stored)
    models = {"pretrained": pretrained} | ({} if policy is None else {"post-trained": policy})
    denoisers = {name: TrainedDenoiser.of(checkpoint) for name, checkpoint in models.items()}
    held_out = split_rows(windows, "test")["sequence"].unique()
    chosen = held_out[np.unique(np.linspace(0, len(held_out) - 1, config.sequences).round().astype(int))]
    recordings = {}
    for sequence in with_progress(chosen, "recording held-out motion", len(chosen)):
        about = motions.sequences.loc[sequence]
        frames = min(int(about["frames"]) - 1, round(config.seconds * motions.header.fps))
        batch = read_windows(motions, np.array([[sequence, 1, frames]]), frames, hands=False)
        parts, names = [PlacedMotion.truth(batch)], ["truth"]
        for name, denoiser in denoisers.items():
            seed = seed_for(evaluation.seed, "viewer", int(sequence))
            parts.append(recover(denoiser, batch.T_world_cpf[0], config.samples, seed))
            names += [f"{name} {number + 1}" for number in range(config.samples)]
        title = ", ".join(str(about[key]) for key in ("activity", "name") if about[key])
        recordings[str(about["name"])] = Recording(
            title, tuple(names), PlacedMotion.concatenate(parts), motions.header.fps, body.digest
        )
    return recordings


def open_viewer(
    recordings: dict[str, Recording], body: str | None, gender: str, config: ViewerConfig
) -> None:
    """Serve the recordings in a browser until Ctrl-C."""
    path = body_file(body, gender)
    view(
        recordings,
        load_body_model(path),
        Mesher(path),
        config.server,
        lambda address: logger.info("viewer: open %s in a browser; Ctrl-C ends it", address),
    )
