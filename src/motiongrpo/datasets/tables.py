"""Datasets of logs, tables and scores."""

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from kedro_datasets._typing import TablePreview
from pydantic import AfterValidator, TypeAdapter

from motiongrpo.base.files import replace_file, replace_text
from motiongrpo.base.records import not_as_written, read_record, read_records
from motiongrpo.base.run_names import named_runs
from motiongrpo.base.tables import read_table
from motiongrpo.datasets.base import FileDataset, FolderDataset, LoadOnly
from motiongrpo.datasets.previews import table_preview
from motiongrpo.experiments.bench import CellScore
from motiongrpo.experiments.diversity_table import MeasuredCell
from motiongrpo.metrics.band_calibration import ReliabilityRow, fault_of_reliability
from motiongrpo.metrics.error_profile import ProfileRow, fault_of_profile
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.standing import ScoreRecord
from motiongrpo.metrics.table import RunRow, SourceRow, StandingRow, fault_of_runs
from motiongrpo.motion.store import ReportRow
from motiongrpo.motion.windows import fault_of_windows

SCORES = "scores"  # the folder of scores in a run's folder


def _with_step(row: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(row.get("step"), int):
        raise ValueError(f"'step' must be a whole number, got {row.get('step')}")
    return row


_ROW = TypeAdapter(Annotated[dict[str, int | float | None], AfterValidator(_with_step)])


class StepLog(FileDataset[list[dict[str, Any]], pd.DataFrame]):
    """JSON lines with a `step`; saving rows replaces all rows from their first step on.

    A training that was killed after its log but before its checkpoint repeats some steps; the log still has
    every step once. A training without steps has an empty log.
    """

    needs: tuple[str, ...] = ()
    """Columns besides the step that at least one row must have."""

    def load(self) -> pd.DataFrame:
        log = pd.DataFrame(self._rows())
        if lacking := [name for name in self.needs if name not in log]:
            raise not_as_written(f"'{self.filepath}'", f"no row has '{lacking[0]}'")
        return log

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


class PolicyLog(StepLog):
    """The log of a post-training, from which findings are made."""

    needs = ("dropped_share", "spread_mm_all")


class Table(FileDataset[pd.DataFrame, pd.DataFrame]):
    """A table as CSV, written all or nothing; InputError on reading one whose rows are not of type `row`."""

    row: type[Any]  # a typed dictionary

    @staticmethod
    def fault(table: pd.DataFrame) -> str | None:
        """A fault of the table as a whole, in words; None or "" where there is none."""
        return None

    def load(self) -> pd.DataFrame:
        table = self._read()
        if fault := self.fault(table):
            raise not_as_written(f"'{self.filepath}'", fault)
        return table

    def save(self, data: pd.DataFrame) -> None:
        replace_file(self.filepath, lambda temporary: data.to_csv(temporary, index=False))

    def preview(self, nrows: int = 50) -> TablePreview:
        """The first rows."""
        return table_preview(self.load().head(nrows))

    def _read(self) -> pd.DataFrame:
        return read_table(self.filepath, self.row)


class WindowTable(Table):
    """The window table, validated by columns, since it may have a hundred thousand rows."""

    fault = staticmethod(fault_of_windows)

    def _read(self) -> pd.DataFrame:
        try:
            return pd.read_csv(self.filepath, dtype={"subject": str}, encoding="utf-8")
        except ValueError as error:  # from pandas, too
            raise not_as_written(f"'{self.filepath}'", str(error)) from error


class IngestionReport(Table):
    """One row per raw file."""

    row = ReportRow


class Comparison(Table):
    """One row per checkpoint and metric."""

    row = StandingRow


class ComparisonBySource(Table):
    """One row per source of motion, checkpoint and metric."""

    row = SourceRow


class RunsComparison(Table):
    """One row per checkpoint, of any run, and metric."""

    row = RunRow
    fault = staticmethod(fault_of_runs)


class ErrorProfile(Table):
    """One row per joint, activity or time in a window, and model."""

    row = ProfileRow
    fault = staticmethod(fault_of_profile)


class Reliability(Table):
    """One row per band, level, and joint or person, or all of them."""

    row = ReliabilityRow
    fault = staticmethod(fault_of_reliability)


class ScoreFolder(FolderDataset[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]):
    """One JSON file per checkpoint, named after it and written all or nothing."""

    may_be_absent = True
    marker = "**/*.json"
    kind: TypeAdapter[Any] = TypeAdapter(dict[str, Any])

    def load(self) -> dict[str, dict[str, Any]]:
        return {name: read_record(path, self.kind) for name, path in self.files().items()}

    def save(self, data: dict[str, dict[str, Any]]) -> None:
        for name, score in data.items():
            replace_text(self.path / f"{name}.json", json.dumps(score))

    def preview(self) -> TablePreview:
        """One row per file: its texts and numbers, and the mean of every metric over its windows."""
        return table_preview([{"name": name} | _brief(score) for name, score in self.load().items()])


class CellScores(ScoreFolder):
    """The scores of the cells of an ablation."""

    kind = TypeAdapter(CellScore)


class DiversityCells(ScoreFolder):
    """The cells of a diversity study."""

    kind = TypeAdapter(MeasuredCell)


class RunScores(ScoreFolder):
    """The scores of one run, and those that other runs have for their own checkpoints.

    A checkpoint of another run is prefixed with that run's name. Where this run also has a score of it, on
    its own held-out motion, that score is used. All scores are saved into this run's folder.
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
    """The scores that exist before an evaluation, possibly none."""

    may_be_absent = True
    reason = "scores are written under their own name"


def _brief(score: dict[str, Any]) -> dict[str, Any]:
    short = {name: value for name, value in score.items() if isinstance(value, str | int | float)}
    windows = pd.DataFrame(score.get("windows", {}))
    means = windows[[metric for metric in METRICS if metric in windows]].mean()
    return short | {str(metric): float(mean) for metric, mean in means.items()}
