"""The default number of processes of pretraining."""

from types import SimpleNamespace

import pytest

from motiongrpo.pipelines.pretraining import nodes
from tests.diffusion.test_training import pretraining_config


@pytest.mark.parametrize(("dropout_p", "asked", "count"), [(0.0, None, 2), (0.1, None, 1), (0.1, 2, 2)])
def test_dropout_takes_one_process_unless_more_are_asked_for(dropout_p, asked, count, monkeypatch):
    """Several processes cannot draw the same dropout, and are refused where requested (`train_prior`)."""
    monkeypatch.setattr(nodes, "on_processes", lambda processes, *_: iter([processes]))
    monkeypatch.setattr(nodes, "Materials", lambda *_, **__: None)
    settings = pretraining_config(steps=1)
    dropping = settings.denoiser.model_copy(update={"dropout_p": dropout_p})
    config = settings.model_copy(update={"denoiser": dropping})
    evaluation = SimpleNamespace(sampling=None)
    given = (None, None, None, None, config, evaluation, None, "cpu", "fp32", None, asked)
    assert list(nodes.train_denoiser(*given)) == [count]
