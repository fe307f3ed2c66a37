"""Comparisons of scores: of the checkpoints of one run, and of the last ones of several runs."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from motiongrpo.base.errors import InputError
from motiongrpo.base.provenance import Provenance
from motiongrpo.base.words import by_value
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import OTHERS, TRAININGS, Candidate
from motiongrpo.metrics.baselines import BASELINES
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.guided import GUIDED
from motiongrpo.metrics.standing import CURRENT, SAME, Score, measured_otherwise, paired
from motiongrpo.metrics.table import compared, comparison_by_source, final_checkpoints, tidy
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig, split_rows
from motiongrpo.pipelines.evaluation.nodes import is_own, provenance_of_now, standing
from motiongrpo.viz.report.runs import contenders_of, runs_figure, runs_html

GONE = "its checkpoint is gone"
BESIDE = (BASELINES, GUIDED)  # stages of candidates that are not checkpoints of a training

Record = dict[str, Any]

logger = logging.getLogger(__name__)


def compare_checkpoints(
    found: list[Record],
    scores: dict[str, Score],
    motions: MotionStore,
    windows: pd.DataFrame,
    body: BodyModel,
    config: EvaluationConfig,
    window: WindowConfig,
) -> tuple[pd.DataFrame, pd.DataFrame, list[Record]]:
    """Means, intervals and differences from the last pretrained checkpoint, and the standing of scores.

    Scores that were measured differently from that checkpoint's are listed without a difference. The second
    table has, for each source of motion alone, the last checkpoint of each training and the candidates that
    are compared with them, all measured alike.
    """
    candidates = [Candidate(**record) for record in found]
    held_out = split_rows(windows, "test", config.windows, config.spread)
    now = provenance_of_now(motions, held_out, body, config, window)
    standings = standings_of(candidates, scores, now)
    for reason, names in by_value(standings).items():
        if reason != CURRENT:
            logger.warning("not scored as of now, %s: %s", reason, ", ".join(names))
    with_score = [candidate for candidate in candidates if candidate.name in scores]
    reference = _last(with_score, "pretraining") or _first(with_score)
    shown = [c.name for c in with_score if c.run == reference.run or c.stage in (OTHERS, *BESIDE)]
    comparable = {name for name in shown if not measured_otherwise(scores[reference.name], scores[name])}
    rng = np.random.default_rng(config.seed)
    tables = {name: tidy(name, scores[name]) for name in shown}
    table = compared(tables, reference.name, comparable, rng, config.resamples, config.spread)
    beside = {c.name for c in with_score if c.stage in BESIDE}
    final = {reference.name, *final_checkpoints(table)["checkpoint"], *beside} & comparable
    by_source = comparison_by_source(
        pd.concat([tables[name] for name in shown if name in final]),
        reference.name,
        np.random.default_rng(config.seed),
        config.resamples,
        config.spread,
    )
    rows = [{"checkpoint": name, "standing": how} for name, how in standings.items()]
    return table.assign(standing=table["checkpoint"].map(standings)), by_source, rows


def compare_runs(found: list[Record], scores: dict[str, Score], config: EvaluationConfig) -> pd.DataFrame:
    """The last checkpoints of every run and those from elsewhere, against the first run's last one.

    A difference needs the same windows and metrics; where motions were drawn differently, `protocol` says
    how.
    """
    candidates = [Candidate(**record) for record in found if record["name"] in scores]
    runs = dict.fromkeys(candidate.run for candidate in candidates)
    shown = [c for run in runs for c in _contenders([c for c in candidates if c.run == run])]
    mine = [candidate for candidate in shown if candidate.run == _first(candidates).run]
    reference = (_last(mine, "grpo") or _last(mine, "pretraining") or _first(mine)).name
    comparable = {c.name for c in shown if paired(scores[c.name], scores[reference])}
    tables = {c.name: tidy(c.name, scores[c.name]) for c in shown}
    rng = np.random.default_rng(config.seed)
    table = compared(tables, reference, comparable, rng, config.resamples, config.spread)
    how = {c.name: "; ".join(measured_otherwise(scores[reference], scores[c.name])) or SAME for c in shown}
    table.insert(0, "run", table["checkpoint"].map({c.name: c.run for c in shown}))
    return table.assign(reference=reference, protocol=table["checkpoint"].map(how))


def write_runs_page(runs_comparison: pd.DataFrame) -> tuple[go.Figure, str]:
    """The comparison of runs as a figure, and as a page that opens offline."""
    contenders = contenders_of(runs_comparison)
    figure = runs_figure(contenders)
    return figure, runs_html(contenders, figure)


def standings_of(candidates: list[Candidate], scores: dict[str, Score], now: Provenance) -> dict[str, str]:
    """Whether the score of each checkpoint is current, including scores whose checkpoint no longer exists."""
    found = {c.name: standing(c, scores.get(c.name), now) for c in candidates}
    own = [name for name, score in scores.items() if is_own(name) and score["stage"] not in BESIDE]
    return found | {name: GONE for name in own if name not in found}


def _contenders(candidates: list[Candidate]) -> list[Candidate]:
    """The last checkpoint of each training of one run, and all checkpoints from elsewhere."""
    last = (_last(candidates, stage) for stage in TRAININGS)
    return [*(c for c in last if c is not None), *(c for c in candidates if c.stage == OTHERS)]


def _last(candidates: list[Candidate], stage: str) -> Candidate | None:
    """The last checkpoint of a training, from the first run that has any."""
    of_stage = [candidate for candidate in candidates if candidate.stage == stage]
    first = [candidate for candidate in of_stage if candidate.run == of_stage[0].run]
    return max(first, key=lambda candidate: candidate.step, default=None)


def _first(candidates: list[Candidate]) -> Candidate:
    if not candidates:
        raise InputError("no checkpoint has a score yet; run the evaluation pipeline")
    return candidates[0]
