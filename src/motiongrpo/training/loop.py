"""Shared by all trainings: resuming from a saved state, checkpoints, and stopping on a signal."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any, Literal, Protocol

import pandas as pd

from motiongrpo import __version__
from motiongrpo.base.checkpoint import (
    Checkpoint,
    Header,
    Kind,
    TrainingCheckpoint,
    demand_finite_tensors,
    digest_of,
)
from motiongrpo.base.config import Config
from motiongrpo.base.errors import Diverged, InputError
from motiongrpo.base.finite import demand_finite
from motiongrpo.base.optimisation import Learner, TrainingConfig
from motiongrpo.base.progress import with_progress
from motiongrpo.base.provenance import Provenance
from motiongrpo.base.row_parallel import team
from motiongrpo.base.words import flattened

Rows = list[dict[str, Any]]
Steps = Iterator[tuple[Rows, TrainingCheckpoint]]


def table_digest(table: pd.DataFrame) -> str:
    """A digest of the content of a table."""
    return digest_of(table.to_csv(index=False))


class Record(Protocol):
    """A frozen record of one step, counted from 1."""

    @property
    def step(self) -> int: ...


@dataclass(frozen=True)
class Training:
    """The description of a training: its name, parameters, inputs and length."""

    stage: str
    kind: Kind
    config: TrainingConfig
    architecture: Config
    inputs: dict[str, str]  # digests of what it starts from and learns from
    body_digest: str
    length: Literal["steps", "updates"]  # the parameter that is its length
    usage: dict[str, Any] | None = None  # the header's entry on the use of a denoiser

    @property
    def steps(self) -> int:
        """Its length."""
        return getattr(self.config, self.length)

    def header(self, kind: Kind, step: int, metrics: dict[str, float]) -> Header:
        return Header(
            kind=kind,
            stage=self.stage,
            step=step,
            seed=self.config.seed,
            architecture=self.architecture.model_dump(),
            body_digest=self.body_digest,
            parameters=self.config.model_dump(mode="json"),
            inputs=self.inputs,
            code_version=__version__,
            metrics=metrics,
            usage=self.usage,
        )


@dataclass(frozen=True)
class Progress:
    """The progress of a training when this process began."""

    step: int
    metrics: dict[str, float]


def resume(learner: Learner, state: Checkpoint | None, training: Training) -> Progress:
    """Resume from a saved state; refuse one that was made with other parameters or from other data.

    Only the length may change: a longer training continues where a shorter one ended.
    """
    if state is None:
        return Progress(0, {})
    if state.header.step > training.steps:
        raise InputError(
            f"this run already holds {state.header.step} steps of {training.stage}, more than the "
            f"{training.steps} asked for; choose another name with --params run=NAME"
        )
    here = training.header("training_state", 0, {})
    length = {training.length: here.parameters[training.length]}
    refuse_changes(state.header.model_copy(update={"parameters": state.header.parameters | length}), here)
    try:
        learner.restore(state.tensors)
    except (KeyError, RuntimeError) as error:
        raise InputError(
            f"{state.name} holds other tensors than this training: {' '.join(str(error).split())[:200]}; "
            "train under another name, with --params run=NAME"
        ) from error
    return Progress(state.header.step, state.header.metrics)


def provenance_of(header: Header) -> Provenance:
    """What a training was made from, according to a header."""
    return Provenance(header.stage, header.parameters, header.inputs | {"body_file": header.body_digest})


def refuse_changes(before: Header, now: Header) -> None:
    """Refuse to resume where parameters or data differ, naming each difference."""
    if changed := provenance_of(now).changes(provenance_of(before)):
        raise InputError(
            f"this run already holds a {now.stage} training that differs: {'; '.join(changed)}; "
            "choose another name with --params run=NAME, or restore the old values to go on"
        )


def checkpointed(
    records: Iterator[Record], learner: Learner, training: Training, progress: Progress
) -> Steps:
    """Collect records and yield a checkpoint at intervals, at the end, and when a signal asks to stop.

    On SIGTERM and SIGUSR1 (a cluster's warning) a checkpoint is saved first; the same command resumes. Rows
    and tensors are yielded only while all of them are finite, so everything on disk is valid.
    """
    rows: Rows = []
    done = saved = progress.step
    with _StopRequest() as stop, _what_stays(lambda: (done, saved), training):
        for record in with_progress(records, training.stage.replace("_", " "), training.steps, progress.step):
            rows.append(_finite_row(record))
            if (
                record.step % training.config.checkpoint_every == 0
                or record.step == training.steps
                or stop.asked
            ):
                yield rows, _checkpoint(learner, training, rows[-1])
                rows, saved = [], record.step
            done = record.step
            if stop.asked and record.step < training.steps:
                raise InputError(
                    f"{training.stage} was asked to stop and saved step {record.step} of {training.steps}; "
                    "run the same command to go on"
                )
    if progress.step == training.steps:  # possibly killed after the last state, before the end mark
        yield [], _checkpoint(learner, training, {"step": progress.step} | progress.metrics)


@contextmanager
def _what_stays(reached: Callable[[], tuple[int, int]], training: Training) -> Iterator[None]:
    """Complete the message of a training that diverged; `reached` has the steps done and saved."""
    try:
        yield
    except Diverged as error:
        done, saved = reached()
        stays = f"step {saved} stays as it was saved" if saved else "nothing was saved"
        raise InputError(
            f"{training.stage} stopped at step {done + 1} of {training.steps}: {error}; {stays}, and other "
            "parameters need another name: --params run=NAME"
        ) from error


def _finite_row(record: Record) -> dict[str, Any]:
    columns = flattened(asdict(record), "_")  # type: ignore[call-overload]
    row = {name: value for name, value in columns.items() if value is not None and value != {}}
    for name, value in row.items():
        demand_finite(name, value)
    return row


def _checkpoint(learner: Learner, training: Training, row: dict[str, Any]) -> TrainingCheckpoint:
    metrics = {name: float(value) for name, value in row.items() if name != "step"}
    tensors = learner.state()  # the averaged weights are part of it
    demand_finite_tensors(tensors)
    model = Checkpoint(training.header(training.kind, row["step"], metrics), learner.averaged_weights())
    state = Checkpoint(training.header("training_state", row["step"], metrics), tensors)
    return TrainingCheckpoint(model, state, complete=row["step"] == training.steps)


class _StopRequest:
    """Records a request to stop instead of ending at once; a follower process ignores the signal."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "_StopRequest":
        answer = self._ask if team().leads else signal.SIG_IGN
        self.before = {s: signal.signal(s, answer) for s in (signal.SIGTERM, signal.SIGUSR1)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
