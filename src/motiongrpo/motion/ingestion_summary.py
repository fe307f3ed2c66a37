"""The summary of an ingestion: numbers of files, hours and frames, and why files were refused."""

import re
from typing import Any

from motiongrpo.motion.store import MotionStore

SECONDS_PER_HOUR = 3600
QUOTED = re.compile(r"(?<!\w)'(?:[^']|'(?=\w))*'(?!\w)")  # an apostrophe within a word ends no name


def ingestion_summary(store: MotionStore) -> dict[str, Any]:
    """Files, hours and frames of the raw motion and of the store; refused files counted by kind of reason."""
    files, frames = store.files, int(store.sequences["frames"].sum())
    refused = files[files["verdict"] == "refused"]
    return {
        "files": len(files),
        "hours_in_files": _hours(files["seconds"].sum()),
        "sequences": len(store.sequences),
        "frames_kept": frames,
        "hours_kept": _hours(frames / store.header.fps),
        "files_by_verdict": _counts(files["verdict"]),
        "refused_by_reason": _counts(refused["reason"].map(kind_of_reason)),
    }


def kind_of_reason(reason: str) -> str:
    """A reason without its quoted names and its numbers, equal for all files that have the same fault."""
    without_names = QUOTED.sub("'…'", reason)
    return re.sub(r"(?<![\w])-?\d[\d.,]*(?=\W|$)", "…", without_names)


def _hours(seconds: float) -> float:
    return round(float(seconds) / SECONDS_PER_HOUR, 4)


def _counts(values: Any) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
