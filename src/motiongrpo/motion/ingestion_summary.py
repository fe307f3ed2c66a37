"""The summary of an ingestion: numbers of files, hours and frames, and why files were refused."""

import re
from typing import Any

import pandas as pd

from motiongrpo.motion.store import WARNING, MotionStore

SECONDS_PER_HOUR = 3600
QUOTED = re.compile(r"(?<!\w)'(?:[^']|'(?=\w))*'(?!\w)")  # an apostrophe within a word does not end a name


def ingestion_summary(store: MotionStore) -> dict[str, Any]:
    """Files, hours and frames of the raw motion and of the store; refused files counted by kind of reason."""
    files, frames = store.files, int(store.sequences["frames"].sum())
    refused = files[files["verdict"] == "refused"]
    warned = files["reason"][files["reason"].str.contains(WARNING, regex=False)]
    return {
        "files": len(files),
        "hours_in_files": _hours(files["seconds"].sum()),
        "sequences": len(store.sequences),
        "frames_kept": frames,
        "hours_kept": _hours(frames / store.header.fps),
        "files_by_verdict": _counts(files["verdict"]),
        "refused_by_reason": _counts(refused["reason"].map(kind_of_reason)),
        "warnings": _counts(warned.str.split(WARNING).str[-1].map(kind_of_reason)),
        "by_source": {
            str(source): _of_source(rows, store.header.fps)
            for source, rows in store.sequences.groupby("source")
        },
    }


def _of_source(rows: pd.DataFrame, fps: float) -> dict[str, Any]:
    """Files, hours and frames of one source in the store."""
    return {
        "licence": "; ".join(sorted(rows["licence"].unique())),
        "subjects": int(rows["subject"].nunique()),
        "sequences": len(rows),
        "hours_kept": _hours(rows["frames"].sum() / fps),
    }


def kind_of_reason(reason: str) -> str:
    """A reason without its quoted names and numbers: the same for all files with the same fault."""
    without_names = QUOTED.sub("'…'", reason)
    return re.sub(r"(?<![\w])-?\d[\d.,]*(?=\W|$)", "…", without_names)


def _hours(seconds: float) -> float:
    return round(float(seconds) / SECONDS_PER_HOUR, 4)


def _counts(values: Any) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
