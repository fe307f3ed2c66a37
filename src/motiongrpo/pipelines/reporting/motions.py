"""Nodes that sample both models on held-out windows, for error profiles and clips."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.network import restored
from motiongrpo.base.progress import with_progress
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.metrics.error_profile import SampledWindows, WindowFacts, error_profile, sampled_windows
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowBatch, WindowConfig, read_rows, split_rows
from motiongrpo.training.materials import refuse_other_body
from motiongrpo.viz.clips.example import (
    RANKS,
    ExampleWindow,
    ShownMotion,
    demand_same_windows,
    ranked_windows,
    windows_scored,
)
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.figures.strip import motion_figure

Record = dict[str, Any]


def sample_held_out(  # noqa: PLR0913
    scores: dict[str, Record],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    pretrained: Checkpoint,
    policy: Checkpoint,
    config: EvaluationConfig,
    window: WindowConfig,
    device: str,
) -> tuple[pd.DataFrame, Record]:
    """The scored samples, drawn again: their error profile, and three example windows."""
    refuse_other_body(body, motions, pretrained_denoiser=pretrained, policy=policy)
    rows = split_rows(windows, "test", config.windows, config.spread)
    models = {"pretrained": pretrained, "post-trained": policy}
    for name, model in models.items():
        demand_same_windows(name, windows_scored(scores, model.header.weights), rows)
    batch = read_rows(motions, rows, window, hands=False).to(device)
    drawn = {name: draw_from(model, name, batch, body, config) for name, model in models.items()}
    about = motions.sequences.loc[rows["sequence"], ["name", "activity"]].reset_index(drop=True)
    profile = error_profile(
        {name: samples.joint_error_mm.cpu().double().numpy() for name, samples in drawn.items()},
        WindowFacts(rows["sequence"].to_numpy(), rows["subject"].tolist(), about["activity"].tolist()),
        motions.header.fps,
        np.random.default_rng(config.seed),
        config.resamples,
        config.spread,
    )
    scenes = {
        chosen.rank: scene(chosen, batch, drawn, body, about, motions.header.fps).plain()
        for chosen in ranked_windows(scores, policy.header.weights)
    }
    return profile, scenes


def draw_from(
    checkpoint: Checkpoint, name: str, batch: WindowBatch, body: BodyModel, config: EvaluationConfig
) -> SampledWindows:
    """The samples of one model for the windows."""
    denoiser = restored(checkpoint, Denoiser).to(batch.betas.device)
    parts = sampled_windows(denoiser, batch, body, config)
    batches = math.ceil(len(batch) / config.batch_size)
    done = list(with_progress(parts, f"sampling held-out windows, {name}", batches))
    errors = torch.cat([part.joint_error_mm for part in done])
    return SampledWindows(errors, PlacedMotion.concatenate([part.first for part in done]))


def scene(
    chosen: ExampleWindow,
    batch: WindowBatch,
    drawn: dict[str, SampledWindows],
    body: BodyModel,
    about: pd.DataFrame,
    fps: float,
) -> Scene:
    """The truth of a window and the first sample of each model."""
    here = batch.rows(torch.tensor([chosen.row], device=batch.betas.device))
    truth = ShownMotion.of("truth", PlacedMotion.truth(here), body)
    row = slice(chosen.row, chosen.row + 1)
    guesses = [
        ShownMotion.of(name, samples.first.rows(row), body).labelled(truth) for name, samples in drawn.items()
    ]
    sequence = about.loc[chosen.row]
    title = chosen.title(str(sequence["name"]), str(sequence["activity"]), fps)
    return Scene(title, fps, here.T_world_cpf[0, 1:][here.mask[0]].cpu(), [truth, *guesses])


def render_clips(scenes: dict[str, Record]) -> tuple[Scene, ...]:
    """The best, median and worst scenes, rendered by their datasets."""
    return tuple(Scene.from_plain(scenes[rank]) for rank in RANKS)


def draw_motion(scenes: dict[str, Record]) -> Figure:
    """The median window as a strip of stick figures."""
    return motion_figure(Scene.from_plain(scenes["median"]))
