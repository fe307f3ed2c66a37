"""Logs and scores in the catalog: small tables that grow."""

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from kedro_datasets._typing import JSONPreview, TablePreview
from pydantic import AfterValidator, TypeAdapter

from motiongrpo.base.files import replace_file, replace_text
from motiongrpo.base.records import not_as_written, read_record, read_records
from motiongrpo.base.run_names import named_runs
from motiongrpo.datasets.base import FileDataset, FolderDataset, LoadOnly
from motiongrpo.datasets.previews import json_preview, table_preview
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.standing import ScoreRecord
from motiongrpo.motion.windows import fault_of_windows
from motiongrpo.rewards.examination import ExaminationReport

SCORES = "scores"  # the folder of a run


def _with_step(row: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(row.get("step"), int):
        raise ValueError(f"'step' must be a whole number, got {row.get('step')}")
    return row


_REPORT = TypeAdapter(ExaminationReport)
_ROW = TypeAdapter(Annotated[dict[str, int | float | None], AfterValidator(_with_step)])


class StepLog(FileDataset[list[dict[str, Any]], pd.DataFrame]):
    """JSON lines with a `step`; saving rows replaces whatever was there from their first step on.

    A training that was killed after its log but before its checkpoint repeats some steps; the log then
    holds every step once. A training of no steps leaves an empty log.
    """

    def load(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows())

    def save(self, data: list[dict[str, Any]]) -> None:
        if not data and self._exists():
            return
        first = data[0]["step"] if data else 0
        rows = [row for row in self._rows() if row["step"] < first] if self._exists() else []
        replace_text(self.filepath, "".join(json.dumps(row) + "\n" for row in rows + data))

    def preview(self, nrows: int = 5) -> TablePreview:
        """The last rows."""
        return table_preview(self.load().tail(nrows))

    def _rows(self) -> list[dict[str, Any]]:
        return read_records(self.filepath, _ROW)


class WindowTable(FileDataset[pd.DataFrame, pd.DataFrame]):
    """The window table as CSV, written all or nothing; InputError where it is read and is none."""

    def load(self) -> pd.DataFrame:
        try:
            table = pd.read_csv(self.filepath, dtype={"subject": str}, encoding="utf-8")
        except ValueError as error:  # of pandas too
            raise not_as_written(f"'{self.filepath}'", str(error)) from error
        if fault := fault_of_windows(table):
            raise not_as_written(f"'{self.filepath}'", fault)
        return table

    def save(self, data: pd.DataFrame) -> None:
        replace_file(self.filepath, lambda temporary: data.to_csv(temporary, index=False))

    def preview(self, nrows: int = 50) -> TablePreview:
        """The first rows."""
        return table_preview(self.load().head(nrows))


class RewardReport(FileDataset[ExaminationReport, ExaminationReport]):
    """The examination of a reward model as JSON; InputError where it is read and is none."""

    def load(self) -> ExaminationReport:
        return read_record(self.filepath, _REPORT)

    def save(self, data: ExaminationReport) -> None:
        replace_text(self.filepath, json.dumps(data, indent=2))

    def preview(self) -> JSONPreview:
        """The whole report."""
        return json_preview(self.load())


class ScoreFolder(FolderDataset[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]):
    """One JSON file a checkpoint, named after it; each is written all or nothing."""

    may_be_absent = True
    marker = "**/*.json"
    kind: TypeAdapter[Any] = TypeAdapter(dict[str, Any])

    def load(self) -> dict[str, dict[str, Any]]:
        return {name: read_record(path, self.kind) for name, path in self.files().items()}

    def save(self, data: dict[str, dict[str, Any]]) -> None:
        for name, score in data.items():
            replace_text(self.path / f"{name}.json", json.dumps(score))

    def preview(self) -> TablePreview:
        """A row a file: its texts and numbers, and the mean of every metric over its windows."""
        return table_preview([{"name": name} | _brief(score) for name, score in self.load().items()])


class RunScores(ScoreFolder):
    """The scores of one run, and beside them those that other runs hold of their own checkpoints.

    A checkpoint of another run has that run's name in front. Where this run holds a score of it too, on its
    own held-out motion, that one counts. Saving writes into this run's folder, whosever checkpoint it is.
    """

    may_be_absent = False
    kind = TypeAdapter(ScoreRecord)

    def __init__(self, root: str, run: str, runs: str | None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(f"{root}/{run}/{SCORES}", metadata)
        self.others = {name: Path(root, name, SCORES) for name in named_runs(runs) if name != run}

    def load(self) -> dict[str, dict[str, Any]]:
        scores = super().load()
        for run, folder in self.others.items():
            for name, path in ScoreFolder(str(folder)).files().items():
                if f"{run}/{name}" not in scores:
                    scores[f"{run}/{name}"] = read_record(path, self.kind)
        return scores

    def _exists(self) -> bool:
        return bool(self.load())


class RunScoresSoFar(LoadOnly, RunScores):
    """The scores that there are before an evaluation, perhaps none."""

    may_be_absent = True
    reason = "scores are written under their own name"


def _brief(score: dict[str, Any]) -> dict[str, Any]:
    short = {name: value for name, value in score.items() if isinstance(value, str | int | float)}
    windows = pd.DataFrame(score.get("windows", {}))
    means = windows[[metric for metric in METRICS if metric in windows]].mean()
    return short | {str(metric): float(mean) for metric, mean in means.items()}
