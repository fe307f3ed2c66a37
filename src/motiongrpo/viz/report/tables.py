"""Tables of the report as plain rows, for JSON and for templates."""

import math
from typing import Any, cast

import pandas as pd
from typing_extensions import TypedDict

from motiongrpo.base.checkpoint import Header
from motiongrpo.base.words import flattened
from motiongrpo.motion.ingestion_summary import kind_of_reason

WORST = 10  # number of windows listed
UNUSED = "in no window"  # sequences shorter than a window

Row = dict[str, Any]


class Setting(TypedDict):
    """A parameter by its dotted name, and its value in words."""

    name: str
    value: str


class StageRow(TypedDict):
    """A training as recorded in its last checkpoint."""

    stage: str
    steps: int
    seed: int
    code_version: str
    weights: str
    body: str
    parameters: list[Setting]


class HoursRow(TypedDict):
    """The motion of a split from one source."""

    split: str
    source: str
    licence: str
    sequences: int
    subjects: int
    seconds: float


class VerdictRow(TypedDict):
    """The amount of raw motion with one verdict."""

    verdict: str
    files: int
    seconds: float


class ReasonRow(TypedDict):
    """The number of files refused for one kind of reason."""

    reason: str
    files: int


class FileRow(TypedDict):
    """A raw file, its verdict and the reason."""

    file: str
    verdict: str
    reason: str


class WindowRow(TypedDict):
    """A held-out window, which begins `start` seconds into its sequence, and its MPJPE in mm."""

    sequence: str
    activity: str
    start: float
    before: float
    after: float


def records(table: pd.DataFrame) -> list[Row]:
    """One dictionary per row, by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]


def hours_table(sequences: pd.DataFrame, windows: pd.DataFrame, fps: float) -> list[HoursRow]:
    """Sequences, subjects and seconds of motion by split and source."""
    split = windows.drop_duplicates("sequence").set_index("sequence")["split"]
    rows = sequences.assign(split=split.reindex(sequences.index).fillna(UNUSED))
    grouped = rows.groupby(["split", "source", "licence"], sort=False)
    table = grouped.agg(
        sequences=("frames", "size"), subjects=("subject", "nunique"), frames=("frames", "sum")
    ).reset_index()
    table["seconds"] = table.pop("frames") / fps
    return cast(list[HoursRow], records(table))


def verdicts_table(report: pd.DataFrame) -> list[VerdictRow]:
    """Files and seconds of raw motion by verdict."""
    grouped = report.groupby("verdict", sort=True)
    table = grouped.agg(files=("file", "size"), seconds=("seconds", "sum")).reset_index()
    return cast(list[VerdictRow], records(table))


def refused_by_reason(report: pd.DataFrame) -> list[ReasonRow]:
    """The number of files refused for each kind of reason, the most frequent first."""
    reasons = report.loc[report["verdict"] == "refused", "reason"].map(kind_of_reason)
    return [{"reason": str(reason), "files": int(files)} for reason, files in reasons.value_counts().items()]


def worst_windows(
    before: pd.DataFrame, after: pd.DataFrame, sequences: pd.DataFrame, fps: float
) -> list[WindowRow]:
    """The windows of largest MPJPE after post-training, with that before; both scores have equal rows."""
    table = pd.DataFrame(
        {
            "sequence": sequences["name"].loc[after["sequence"]].to_numpy(),
            "activity": sequences["activity"].loc[after["sequence"]].to_numpy(),
            "start": after["window"] / fps,
            "before": before["mpjpe_mm"],
            "after": after["mpjpe_mm"],
        }
    )
    worst = table.sort_values("after", ascending=False, kind="stable").head(WORST)
    return cast(list[WindowRow], records(worst))


def files_with_reasons(report: pd.DataFrame) -> list[FileRow]:
    """Every file with a reason, the refused ones first."""
    rows = cast(list[FileRow], records(report.loc[:, ["file", "verdict", "reason"]]))
    return sorted((row for row in rows if row["reason"]), key=lambda row: row["verdict"] != "refused")


def examination_table(report: dict[str, Any]) -> list[Row]:
    """One row per test of the reward model: pair accuracy by severity, and rank correlation."""
    rows = [
        {
            "against": kind.replace("_", " "),
            "pair_accuracy": {float(severity): share for severity, share in result["pair_accuracy"].items()},
            "spearman": result["spearman"],
        }
        for kind, result in report["corruptions"].items()
    ]
    others = {"another head's path": "another_head", "samples of the pretrained denoiser": "samples"}
    for name, key in others.items():
        if key in report:
            rows.append(
                {"against": name, "pair_accuracy": {1.0: report[key]["pair_accuracy"]}, "spearman": math.nan}
            )
    return rows


def stage_row(header: Header) -> StageRow:
    """A training as described in the header of a checkpoint."""
    return {
        "stage": header.stage.replace("_", " "),
        "steps": header.step,
        "seed": header.seed,
        "code_version": header.code_version,
        "weights": header.weights,
        "body": header.body_digest[:16],
        "parameters": flat_parameters(header.parameters),
    }


def flat_parameters(parameters: dict[str, Any]) -> list[Setting]:
    """Nested parameters as dotted names and values."""
    named = flattened(parameters, ".").items()
    return [{"name": name, "value": "none" if value is None else str(value)} for name, value in named]
