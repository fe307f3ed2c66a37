"""Pretraining from stored motion."""

import threading
from dataclasses import replace

import pandas as pd
import pytest
import torch

from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.motion.windows import TrainingWindows, WindowConfig
from motiongrpo.training import pretraining
from motiongrpo.training.materials import Materials
from tests.bodies import open_body, stored, synthetic_clips
from tests.diffusion.test_training import disturbance, pretraining_config

SAMPLING = SamplingConfig(steps=2, eta=1.0, sampler="ddim", deterministic_below=0)


@pytest.fixture(scope="module")
def materials(tmp_path_factory) -> Materials:
    motions = stored(tmp_path_factory.mktemp("store"), synthetic_clips(1))
    rows = {"sequence": [0, 0], "start": [1, 1], "length": [20, 20], "subject": ["0", "0"]}
    windows = pd.DataFrame({"split": ["train", "validation"]} | rows)
    config = pretraining_config(1).denoiser
    return Materials(
        motions, windows, open_body(), WindowConfig(length=20, at_least=8), "cpu", planned=config
    )


def test_what_threads_draw_ahead_trains_to_the_same_bits(materials, monkeypatch):
    """On a GPU they do, and their draws are those of a CPU without any."""
    drawers, config = [], pretraining_config(3).model_copy(update={"disturbance": disturbance(share=0.5)})
    batch = TrainingWindows.batch

    def told(supply, count, *address):
        drawers.append(threading.current_thread().name)
        return batch(supply, count, *address)

    monkeypatch.setattr(TrainingWindows, "batch", told)
    config = config.model_copy(update={"start_windows": 4})
    ((rows, alone),) = pretraining.train_prior(replace(materials), None, config, SAMPLING)
    assert not any(name.startswith("ahead") for name in drawers)
    monkeypatch.setattr(pretraining, "threads_ahead", lambda device: 2)
    ((rows_ahead, ahead),) = pretraining.train_prior(replace(materials), None, config, SAMPLING)
    assert sum(name.startswith("ahead") for name in drawers) == 3
    assert rows_ahead == rows
    assert all(torch.equal(ahead.state.tensors[name], value) for name, value in alone.state.tensors.items())
