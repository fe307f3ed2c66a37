"""The ablation: cells one after the other, or in parallel, each step saved before the next; then results."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from motiongrpo.app.parameters import ProjectParameters
from motiongrpo.base.checkpoint import Checkpoint, CheckpointTree
from motiongrpo.base.compilation import Compiler
from motiongrpo.base.engine import in_steps
from motiongrpo.base.errors import InputError
from motiongrpo.base.precision import Precision
from motiongrpo.body.body_model import BodyModel
from motiongrpo.experiments.ablation import AblationConfig, PlannedCell
from motiongrpo.experiments.bench import Bench, Saves, Score
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.store import MotionStore
from motiongrpo.training.materials import Materials
from motiongrpo.viz.experiments.ablation_findings import findings_of_ablation
from motiongrpo.viz.experiments.ablation_results import Results, results_of

logger = logging.getLogger(__name__)

Record = dict[str, Any]
NOTHING: Saves = ({}, {}, {})


def lay_out_bench(  # noqa: PLR0913
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    denoiser: Checkpoint,
    reward_model: Checkpoint,
    trained: CheckpointTree,
    scored: dict[str, Score],
    parameters: Record,
    device: str,
    precision: Precision,
    compiler: Compiler | None,
) -> Bench:
    """Everything that cells need, with the results of earlier commands."""
    now = ProjectParameters.model_validate(parameters)
    materials = Materials(
        motions, windows, body, now.windows, device, precision, compiler, denoiser, reward_model
    )
    return Bench(materials, now.planned(), now.grpo, now.evaluation, now.ablation, trained, scored)


def plan_ablation(bench: Bench) -> list[Record]:
    """Every cell under every seed: its description, its cost, and the name of its folders."""
    return [
        {
            "cell": planned.cell,
            "seed": planned.seed,
            "name": bench.name(planned),
            "kind": planned.kind,
            "steps": planned.steps,
            "network_evaluations": planned.evaluations,
            "published": planned.published,
            "terms": bench.paid_terms(planned),
        }
        for planned in bench.plan
    ]


def run_ablation(bench: Bench) -> Iterator[Saves]:
    """Run the unfinished cells; every yield is on disk before the next step of its cell."""
    pending = {bench.name(planned): planned for planned in bench.plan if not bench.finished(planned)}
    before = len(bench.plan) - len(pending)
    logger.info("ablation: %d cells and seeds, %d finished before", len(bench.plan), before)
    yield NOTHING  # Kedro needs a yield from every generator, even if all cells are finished
    started, left = time.monotonic(), {name: bench.cost(planned) for name, planned in pending.items()}
    total = sum(left.values())
    for name, saves in in_steps(make_cell, bench, _begun(bench, pending), bench.materials.device):
        yield saves
        if saves == NOTHING:
            left.pop(name)
            minutes = (time.monotonic() - started) / 60 * sum(left.values()) / (total - sum(left.values()))
            done = len(bench.plan) - len(left)
            logger.info("ablation: %d of %d done, about %.0f min left", done, len(bench.plan), minutes)


def make_cell(bench: Bench, planned: PlannedCell) -> Iterator[Saves]:
    """Everything to be saved of a cell, empty once it is finished; an InputError names the cell."""
    try:
        yield from bench.made(planned)
    except InputError as error:
        raise InputError(f"ablation cell {planned.cell} under seed {planned.seed}: {error}") from error
    yield NOTHING


def _begun(bench: Bench, pending: dict[str, PlannedCell]) -> Iterator[tuple[str, PlannedCell]]:
    for name, planned in pending.items():
        log_beginning(planned, bench.changes(planned))
        yield name, planned


def log_beginning(planned: PlannedCell, changed: list[str]) -> None:
    """Log which cell begins, and why, where it was made before, it is made again."""
    why = f", made again: {'; '.join(changed)}; the old result stays" if changed else ""
    logger.info("ablation: %s under seed %d%s", planned.cell, planned.seed, why)


def read_results(plan: list[Record], scores: dict[str, Score], evaluation: EvaluationConfig) -> Results:
    """The scores that belong to the plan, for table, figures and findings."""
    return results_of(plan, scores, evaluation.seed, evaluation.resamples)


def judge_ablation(results: Results, config: AblationConfig) -> list[Record]:
    """The findings of the ablation."""
    return [asdict(finding) for finding in findings_of_ablation(results, config)]
