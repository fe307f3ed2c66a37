"""Compiled trainings are those that are not."""

import jaxtyping
import pytest
from torch.testing import assert_close

from motiongrpo.base.compilation import with_compiler
from tests.policy import test_grpo as grpo
from tests.training.together import TRAININGS


@pytest.mark.parametrize(
    "training",
    [
        "pretraining",
        pytest.param("sample", marks=pytest.mark.soak),
        pytest.param("branch", marks=pytest.mark.soak),
    ],
)
def test_a_compiled_training_finds_the_gradient_and_takes_the_step_of_a_plain_one(training, monkeypatch):
    """The policy's reference is compiled too; its audit and the diagnostics see what they see otherwise."""
    plain = TRAININGS[training](1)
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks cannot be compiled
    network = grpo.network
    monkeypatch.setattr(grpo, "network", lambda: with_compiler(network(), "aot_eager"))
    assert_close(TRAININGS[training](1), plain, rtol=0, atol=1e-8)
