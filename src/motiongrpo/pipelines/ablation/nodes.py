"""The ablation: cell after cell, or many at once, each step on disk before the next; then what they say."""

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
    """Everything a cell needs, and what earlier commands left of each."""
    now = ProjectParameters.model_validate(parameters)
    materials = Materials(
        motions, windows, body, now.windows, device, precision, compiler, denoiser, reward_model
    )
    return Bench(materials, now.planned(), now.grpo, now.evaluation, now.ablation, trained, scored)


def plan_ablation(bench: Bench) -> list[Record]:
    """Every cell under every seed: what it is, what it costs, and the name of its folders."""
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
    """Cells that are not finished; every yield is on disk before the next step of its cell."""
    pending = {bench.name(planned): planned for planned in bench.plan if not bench.finished(planned)}
    before = len(bench.plan) - len(pending)
    logger.info("ablation: %d cells and seeds, %d finished before", len(bench.plan), before)
    yield NOTHING  # Kedro wants one from every generator, also where all is done
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
    """All that is to be saved of a cell, and nothing once it is finished; a refusal names the cell."""
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
    """Say which cell begins, and why it is made again where it was made before."""
    why = f", made again: {'; '.join(changed)}; the old result stays" if changed else ""
    logger.info("ablation: %s under seed %d%s", planned.cell, planned.seed, why)


def read_results(plan: list[Record], scores: dict[str, Score], evaluation: EvaluationConfig) -> Results:
    """What table, figures and findings are made from: the scores that belong to the plan."""
    return results_of(plan, scores, evaluation.seed, evaluation.resamples)


def judge_ablation(results: Results, config: AblationConfig) -> list[Record]:
    """Sentences made from the numbers."""
    return [asdict(finding) for finding in findings_of_ablation(results, config)]
