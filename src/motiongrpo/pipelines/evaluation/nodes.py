"""Evaluation: every checkpoint without a current score is scored, then all are compared."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from motiongrpo.base.checkpoint import CheckpointFolder, digest_of
from motiongrpo.base.engine import as_done
from motiongrpo.base.errors import InputError
from motiongrpo.base.progress import with_progress
from motiongrpo.base.provenance import Provenance
from motiongrpo.base.words import by_value, counted
from motiongrpo.body.body_model import BodyModel
from motiongrpo.diffusion.candidates import OTHERS, TRAININGS, Candidate, judged_run, others, trained
from motiongrpo.metrics.baselines import BASELINES, TrainingMotion, baselines_of
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.metrics.guided import GUIDED, guided_of
from motiongrpo.metrics.held_out import HeldOut, score_candidate
from motiongrpo.metrics.standing import CURRENT, Score, evaluation_provenance, is_current, staleness
from motiongrpo.motion.store import MotionStore
from motiongrpo.motion.windows import WindowConfig, read_rows, split_rows
from motiongrpo.training.loop import table_digest
from motiongrpo.training.materials import refuse_other_body

UNSCORED = "no score yet"
NO_TRAINING_MOTION = (
    "no constant pose is scored: there is no training motion, nor are there runs that have it"
)

Record = dict[str, Any]

logger = logging.getLogger(__name__)


def find_training_motion(
    motions: MotionStore,
    windows: pd.DataFrame,
    of_runs: dict[str, Callable[[], tuple[MotionStore, pd.DataFrame]]],
    run: str,
) -> TrainingMotion:
    """The motion whose mean is the constant pose: the run's own, or that of the first run with some.

    Motion on another body is ignored. Where no run has any, it is that of this run, without a training split.
    """
    own = TrainingMotion(run, motions, windows)
    if own.is_there:
        return own
    for name, opened in of_runs.items():
        theirs = TrainingMotion(name, *opened())
        if theirs.is_there and theirs.motions.header.body_digest == motions.header.body_digest:
            logger.info("the constant pose is the mean of the training motion of run '%s'", name)
            return theirs
    return own


def find_checkpoints(
    pretraining: CheckpointFolder,
    grpo: CheckpointFolder,
    beside: CheckpointFolder,
    of_runs: dict[str, Path],
    run: str,
    training: TrainingMotion,
    config: EvaluationConfig,
) -> list[Record]:
    """Every denoiser of this run, of the folder for those from elsewhere, and of the other named runs.

    The last checkpoints with guidance and the baselines follow, where they are enabled.
    """
    found = trained(pretraining, run) + trained(grpo, run) + others(beside.path, run)
    for name, folder in of_runs.items():
        for stage in TRAININGS:
            found += trained(CheckpointFolder(folder / stage), name, f"{name}/")
        found += others(folder / OTHERS, name, f"{name}/")
    if not found:
        places = ", ".join(f"'{folder.path}'" for folder in (pretraining, grpo, beside))
        raise InputError(
            f"there is no checkpoint in {places}; run the pretraining pipeline, copy a checkpoint into the "
            'last of them, or name runs that have some: --params "runs=a;b"'
        )
    judged = judged_run(found) or run
    refined = list(guided_of(found, judged, config.guidance)) if config.guidance.enabled else []
    if config.baselines:
        if not training.is_there:
            logger.warning(NO_TRAINING_MOTION)
        found += baselines_of(found, training, run)
    return [asdict(candidate) for candidate in found + refined]


def score_checkpoints(  # noqa: PLR0913
    found: list[Record],
    scored: dict[str, Score],
    motions: MotionStore,
    windows: pd.DataFrame,
    training: TrainingMotion,
    body: BodyModel,
    config: EvaluationConfig,
    window: WindowConfig,
    device: str,
) -> Iterator[dict[str, Score]]:
    """One score file per checkpoint, each saved as soon as it is done."""
    candidates = [Candidate(**record) for record in found]
    rows = split_rows(windows, "test", config.windows, config.spread)
    now = provenance_of_now(motions, rows, body, config, window)
    current = {c.name for c in candidates if is_current(scored.get(c.name), c.weights, now)}
    pending = [c for c in candidates if config.force or c.name not in current]
    why = {c.name: standing(c, scored.get(c.name), now) for c in pending}
    _log_what_is_to_be_scored(candidates, why)
    batch = read_rows(motions, rows, window, hands=False).to(device)
    about = rows[["sequence", "start", "subject"]].rename(columns={"start": "window"})
    about = about.assign(source=motions.sequences["source"].loc[rows["sequence"]].to_numpy())
    for candidate in pending:
        if candidate.body not in (None, body.digest):
            logger.warning(
                "%s was trained on another body file, so shapes meant others to it", candidate.name
            )
    test, named = HeldOut(training, motions.header.fps, batch, body, config), {c.name: c for c in pending}
    scores = as_done(score_candidate, test, named.items(), device)
    for name, metrics in with_progress(scores, "scoring checkpoints", len(pending)):
        candidate = named[name]
        yield {
            name: {
                "run": candidate.run,
                "stage": candidate.stage,
                "step": candidate.step,
                "weights": candidate.weights,
                "measured": now.record(),
                "windows": about.to_dict(orient="list") | metrics,
            }
        }


def provenance_of_now(
    motions: MotionStore, rows: pd.DataFrame, body: BodyModel, config: EvaluationConfig, window: WindowConfig
) -> Provenance:
    """The provenance of a score if it were measured now; refuses motion of other bodies."""
    refuse_other_body(body, motions)
    windows = digest_of(table_digest(rows), window.length)
    return evaluation_provenance(motions.digest, windows, body.digest, config)


def standing(candidate: Candidate, score: Score | None, now: Provenance) -> str:
    """Whether there is a current score, and otherwise what has changed."""
    if score is None:
        return UNSCORED
    reasons = "; ".join(staleness(score, candidate.weights, now))
    if not reasons:
        return CURRENT
    return f"{'stale' if is_own(candidate.name) else 'measured otherwise'} ({reasons})"


def is_own(name: str) -> bool:
    """Whether a checkpoint is of the run itself: those of other runs begin with the run's name."""
    return name.count("/") == 1


def _log_what_is_to_be_scored(found: list[Candidate], pending: dict[str, str]) -> None:
    """Log what will be scored, and why existing scores are measured again."""
    baselines, refined = (sum(c.stage == stage for c in found) for stage in (BASELINES, GUIDED))
    all_found = counted(len(found) - baselines - refined, "checkpoint")
    if baselines:
        all_found += f" and {counted(baselines, 'baseline')}"
    if refined:
        all_found += f", {refined} with guidance,"
    if not pending:
        logger.info("evaluation: %s found, all with a current score: nothing to do", all_found)
        return
    logger.info("evaluation: %s found, %d to be scored", all_found, len(pending))
    for reason, names in by_value(pending).items():
        if reason != UNSCORED:
            logger.warning("scored anew, %s: %s", reason, ", ".join(names))
