"""Code shared by the three trainings; that whole runs resume bit for bit is tested with the pipelines."""

import math
import os
import signal
from dataclasses import dataclass

import pandas as pd
import pytest
import torch
from torch import nn

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.config import Config
from motiongrpo.base.errors import Diverged, InputError
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig, TrainingConfig
from motiongrpo.base.row_parallel import Team, joined
from motiongrpo.training.loop import (
    Progress,
    Training,
    checkpointed,
    resume,
    table_digest,
)


class Sizes(Config):
    width: int


class Recipe(TrainingConfig):
    steps: int
    rate: float
    model: Sizes


@dataclass(frozen=True)
class Step:
    step: int
    loss: float
    parts: dict[str, float]
    validation: float | None


def training(steps: int = 6, inputs: str = "abc", body: str = "body", **recipe) -> Training:
    common = {"steps": steps, "seed": 0, "checkpoint_every": 4}
    config = Recipe.model_validate(common | {"rate": 0.1, "model": {"width": 4}} | recipe)
    return Training(
        stage="pretraining",
        kind="denoiser",
        config=config,
        architecture=config.model,
        inputs={"motions": inputs},
        body_digest=body,
        length="steps",
    )


def optimiser(seed: int = 0) -> Optimiser:
    torch.manual_seed(seed)
    config = {
        "learning_rate": 0.1,
        "weight_decay": 0,
        "warmup_steps": 0,
        "gradient_clip": 1,
        "ema_decay": 0.5,
    }
    return Optimiser(nn.Linear(2, 1), OptimiserConfig.model_validate(config))


def steps(first: int, last: int, asked_at: int | None = None):
    for step in range(first, last + 1):
        if step == asked_at:
            os.kill(os.getpid(), signal.SIGTERM)
        yield Step(step, 1 / step, {"position": 2.0}, None)


def state(opt: Optimiser, step: int, of: Training) -> Checkpoint:
    return Checkpoint(of.header("training_state", step, {"loss": 0.25}), opt.state())


def test_checkpoints_come_every_so_often_and_at_the_end_and_rows_once():
    found = list(checkpointed(steps(1, 6), optimiser(), training(), Progress(0, {})))
    assert [[row["step"] for row in rows] for rows, _ in found] == [[1, 2, 3, 4], [5, 6]]
    assert [c.model.header.step for _, c in found] == [4, 6]
    assert [c.complete for _, c in found] == [False, True]
    header = found[0][1].model.header
    assert (header.kind, header.stage, header.architecture) == ("denoiser", "pretraining", {"width": 4})
    assert header.metrics == {"loss": 0.25, "parts_position": 2.0}
    assert found[0][1].state.header.kind == "training_state"


def test_a_training_killed_before_its_end_mark_gets_it_from_the_last_state():
    ((rows, last),) = checkpointed(iter(()), optimiser(), training(), Progress(6, {"loss": 0.5}))
    assert rows == []
    assert (last.complete, last.model.header.step, last.model.header.metrics) == (True, 6, {"loss": 0.5})


def test_a_polite_signal_saves_this_step_and_stops_with_one_sentence():
    before = signal.getsignal(signal.SIGTERM)
    found = checkpointed(steps(1, 6, asked_at=2), optimiser(), training(), Progress(0, {}))
    rows, checkpoint = next(found)
    assert (len(rows), checkpoint.model.header.step, checkpoint.complete) == (2, 2, False)
    with pytest.raises(InputError, match="pretraining was asked to stop and saved step 2 of 6; run the same"):
        next(found)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_process_that_follows_another_leaves_signals_to_it():
    with joined(Team(rank=1, size=2)):
        found = list(checkpointed(steps(1, 6, asked_at=2), optimiser(), training(), Progress(0, {})))
    assert [checkpoint.model.header.step for _, checkpoint in found] == [4, 6]


def test_asked_to_stop_at_its_last_step_a_training_just_ends():
    found = list(checkpointed(steps(5, 6, asked_at=6), optimiser(), training(), Progress(4, {})))
    assert [checkpoint.complete for _, checkpoint in found] == [True]


def diverging(at: int, opt: Optimiser | None = None):
    """Five steps; at one of them, a number or, with an optimiser, a weight is not finite."""
    for step in range(1, 6):
        if step == at and opt is not None:
            opt.model.weight.data[0, 0] = math.nan
        yield Step(step, math.nan if step == at and opt is None else 1.0, {"position": 2.0}, None)


@pytest.mark.parametrize("poison", ["row", "weights"])
def test_what_is_not_finite_is_never_handed_over_and_the_sentence_says_what_stays(poison):
    opt = optimiser()
    found = checkpointed(
        diverging(5, opt if poison == "weights" else None), opt, training(5), Progress(0, {})
    )
    rows, good = next(found)
    assert ([row["step"] for row in rows], good.model.header.step) == ([1, 2, 3, 4], 4)
    what = {"row": "loss is nan", "weights": "'model.weight' is nan"}[poison]
    with pytest.raises(
        InputError, match=rf"pretraining stopped at step 5 of 5: {what}; lower .*step 4 stays.*run=NAME"
    ):
        next(found)
    assert all(bool(value.isfinite().all()) for value in good.state.tensors.values())


def refusing(at: int):
    for step in range(1, at):
        yield Step(step, 1.0, {}, None)
    raise Diverged("the loss is nan; lower it")


@pytest.mark.parametrize(
    ("at", "before", "stays"),
    [(1, 0, "nothing was saved"), (3, 0, "nothing was saved"), (6, 0, "step 4 stays as it was saved")],
)
def test_a_training_that_diverges_says_at_which_step_and_what_is_left(at, before, stays):
    found = checkpointed(refusing(at), optimiser(), training(9), Progress(before, {}))
    with pytest.raises(InputError, match=f"stopped at step {at} of 9: the loss is nan; lower it; {stays}"):
        list(found)


def test_a_resumed_training_that_diverges_at_once_leaves_what_it_found():
    with pytest.raises(InputError, match=r"stopped at step 5 of 9: .*; step 4 stays"):
        list(checkpointed(refusing(1), optimiser(), training(9), Progress(4, {})))


def test_without_a_state_a_training_begins():
    assert resume(optimiser(), None, training()) == Progress(0, {})


def test_with_one_it_goes_on_with_the_weights_and_numbers_of_then():
    old, new = optimiser(seed=1), optimiser(seed=2)
    old.step(old.model(torch.ones(1, 2)).sum())
    assert resume(new, state(old, 3, training()), training()) == Progress(3, {"loss": 0.25})
    assert torch.equal(new.model.weight, old.model.weight)
    assert new.steps == 1


def test_a_longer_training_goes_on_where_a_shorter_one_ended():
    assert resume(optimiser(), state(optimiser(), 6, training(6)), training(9)).step == 6


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (training(2), "already holds 3 steps of pretraining, more than the 2 asked for; choose another name"),
        (
            training(rate=0.2),
            "differs: pretraining.rate was 0.1, is 0.2; choose another name with --params run",
        ),
        (training(model={"width": 8}), "differs: pretraining.model.width was 4, is 8; choose"),
        (training(inputs="xyz"), "differs: other motions; choose"),
        (training(body="another"), "differs: other body file; choose"),
        (training(inputs="xyz", rate=0.2), "pretraining.rate was 0.1, is 0.2; other motions; choose"),
    ],
)
def test_a_state_of_another_training_is_refused_by_what_differs(now, message):
    opt = optimiser(seed=2)
    before = opt.model.weight.detach().clone()
    with pytest.raises(InputError, match=message):
        resume(opt, state(optimiser(seed=1), 3, training()), now)
    assert torch.equal(opt.model.weight, before)


def test_records_become_rows_of_single_values_without_what_was_not_measured():
    ((rows, _),) = checkpointed(steps(1, 1), optimiser(), training(1), Progress(0, {}))
    assert rows == [{"step": 1, "loss": 1.0, "parts_position": 2.0}]


def test_a_table_is_named_by_its_content():
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert table_digest(table) == table_digest(table.copy())
    assert table_digest(table) != table_digest(table[::-1])
    assert table_digest(table) != table_digest(table.rename(columns={"a": "c"}))
