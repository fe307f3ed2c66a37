"""Trainings on several processes are those of one."""

import pytest
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.base.processes import on_processes
from motiongrpo.base.row_parallel import Team, joined
from motiongrpo.training.pretraining import train_prior
from tests.diffusion.test_training import pretraining_config
from tests.training.together import TRAININGS, State, begun_and_continued, drawn_ahead

PROCESSES = 2  # which do not divide seven windows, nor three groups


@pytest.fixture(scope="module")
def begun() -> dict[str, State]:
    """The first step of every training, on this process."""
    return {name: train(1) for name, train in TRAININGS.items()}


@pytest.fixture(scope="module")
def whole(begun) -> dict[str, State]:
    """And the second."""
    return {name: train(2, begun[name]) for name, train in TRAININGS.items()}


@pytest.fixture(scope="module")
def together(begun) -> dict[str, tuple[State, State]]:
    """The first step on several processes; and the second on several, after the first on one."""
    steps = on_processes(PROCESSES, "cpu", begun_and_continued, begun)
    return {name: (first, second) for name, first, second in steps}


@pytest.mark.parametrize("training", TRAININGS)
def test_several_processes_find_the_gradient_and_take_the_step_of_one(training, begun, together):
    first, alone = together[training][0], begun[training]
    assert max(float(value.abs().max()) for n, value in alone.items() if n.startswith("gradient.")) > 1e-3
    assert_close(first, alone, rtol=0, atol=1e-8)


@pytest.mark.parametrize("training", TRAININGS)
def test_what_one_process_has_begun_several_go_on_with(training, whole, together):
    assert_close(together[training][1], whole[training], rtol=0, atol=1e-8)


@pytest.mark.parametrize("training", TRAININGS)
def test_what_several_processes_have_begun_one_goes_on_with(training, whole, together):
    resumed = TRAININGS[training](2, together[training][0])
    assert_close(resumed, whole[training], rtol=0, atol=1e-8)


def test_draws_that_processes_make_in_turns_train_to_the_same_bits():
    ((in_steps, ahead),) = on_processes(PROCESSES, "cpu", drawn_ahead, 3)
    assert_close(ahead, in_steps, rtol=0, atol=0)


def test_dropout_on_several_processes_is_refused():
    settings = pretraining_config(steps=1)
    dropping = settings.denoiser.model_copy(update={"dropout_p": 0.1})
    with (
        joined(Team(rank=0, size=2)),
        pytest.raises(InputError, match=r"draw one dropout, got pretraining.denoiser.dropout_p=0.1; set it"),
    ):
        next(train_prior(None, None, settings.model_copy(update={"denoiser": dropping}), None))
