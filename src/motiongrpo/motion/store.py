"""The motion store: the frames of all sequences in flat binary files, and one log of files and sequences.

    <folder>/CURRENT                        the name of the finished generation
    <folder>/raw_files.json                 size, time of change and digest of each raw file, as last seen
    <folder>/<generation>/<array>.bin       frames of all sequences, one after the other
    <folder>/<generation>/files.jsonl       one line per raw file: its verdict and its sequences

Arrays are appended first and the log line after them, so a line is a commit: a process killed in between
leaves frames that the next writer overwrites. A generation is named after its inputs and becomes current when
it is finished. Nothing is pickled.
"""

import json
import math
import os
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.base.errors import InputError
from motiongrpo.base.files import naming, replace_text
from motiongrpo.base.records import read_record
from motiongrpo.base.words import shown
from motiongrpo.motion.grounding import GroundedClip
from motiongrpo.motion.raw import Fingerprint
from motiongrpo.motion.store_log import read_log

ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "q_body": (np.float32, (21, 4)),
    "q_hand": (np.float32, (30, 4)),
    "T_world_root": (np.float32, (7,)),
    "T_world_cpf": (np.float32, (7,)),
    "contacts": (np.bool_, (21,)),
}
WARNING = "warning: "  # precedes a part of a reason for which nothing was left out
LOG, HEADER, CURRENT, CONTENTS = "files.jsonl", "header.json", "CURRENT", "raw_files.json"


@dataclass(frozen=True)
class StoreHeader:
    """The frame rate and body of all sequences of a generation."""

    fps: Annotated[float, Field(gt=0)]
    body_digest: str


_HEADER = TypeAdapter(StoreHeader)


class ReportRow(TypedDict):
    """A raw file in the report of an ingestion."""

    file: str
    verdict: str
    reason: str
    seconds: float
    sequences: int


@dataclass(frozen=True)
class FileVerdict:
    """The outcome of ingesting one raw file: its verdict, the reason, and the clips that are kept."""

    file: str
    verdict: str  # "accepted", "repaired", "split", "refused", or "rest take" where it only gives a T-pose
    reason: str  # "" for none
    seconds: float  # of motion in the file, 0 where it could not be read
    clips: list[GroundedClip]


@dataclass(frozen=True)
class EncodedFile:
    """A verdict in the form in which it is stored, and sent between processes."""

    line: dict[str, Any]  # of the log; its sequences have no `first` yet
    frames: list[dict[str, NDArray]]  # of each sequence

    @property
    def name(self) -> str:
        """The name of the raw file."""
        return self.line["file"]


def encode(verdict: FileVerdict) -> EncodedFile:
    """The log line and the frames of a verdict, as the store keeps them."""
    entry = {key: getattr(verdict, key) for key in ("file", "verdict", "reason", "seconds")}
    rows = [_index_row(clip) for clip in verdict.clips]
    return EncodedFile(entry | {"sequences": rows}, [_frames(clip) for clip in verdict.clips])


@dataclass(frozen=True)
class StoreUpdate:
    """Files to append to one generation of the store; the last update finishes it."""

    header: StoreHeader
    generation: str
    files: list[EncodedFile]
    finished: bool
    contents: dict[str, Fingerprint] | None = None  # of all raw files, in the first update


class StoreWriter:
    """Appends files to one generation of a store; `done` are the names of those in its log."""

    def __init__(self, folder: Path, header: StoreHeader, generation: str) -> None:
        self.folder, self.path = folder, folder / generation
        self.path.mkdir(parents=True, exist_ok=True)
        replace_text(self.path / HEADER, json.dumps(header.__dict__))
        entries = read_log(self.path / LOG)
        self.done = {entry["file"] for entry in entries}
        self.frames = sum(s["frames"] for entry in entries for s in entry["sequences"])
        self._drop_uncommitted()

    def append(self, verdict: FileVerdict) -> None:
        """Commit one file: its frames, then its line in the log."""
        self.commit(encode(verdict))

    def commit(self, file: EncodedFile) -> None:
        """Commit one encoded file."""
        sequences = []
        for row, frames in zip(file.line["sequences"], file.frames, strict=True):
            sequences.append(row | {"first": self.frames})
            for name in ARRAYS:
                path = self.path / f"{name}.bin"
                with naming(path), path.open("ab") as array:
                    array.write(frames[name].tobytes())
            self.frames += row["frames"]
        log_path = self.path / LOG
        with naming(log_path), log_path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(file.line | {"sequences": sequences}) + "\n")
        self.done.add(file.name)

    def finish(self) -> None:
        """Make this generation the current one, unless it has no motion: then the older one stays."""
        if self.frames == 0:
            raise InputError(_all_refused(self.path / LOG))
        replace_text(self.folder / CURRENT, self.path.name)

    def _drop_uncommitted(self) -> None:
        log = self.path / LOG
        whole, end, _ = (log.read_text(encoding="utf-8") if log.is_file() else "").rpartition("\n")
        replace_text(log, whole + end)
        for name, (dtype, shape) in ARRAYS.items():
            path = self.path / f"{name}.bin"
            path.touch()
            with path.open("r+b") as file:
                file.truncate(self.frames * np.dtype(dtype).itemsize * int(np.prod(shape)))


@dataclass(frozen=True)
class MotionStore:
    """A finished store, opened for reading."""

    path: Path
    header: StoreHeader

    @cached_property
    def files(self) -> pd.DataFrame:
        """One row per raw file, a `ReportRow`."""
        rows = [dict(entry) | {"sequences": len(entry["sequences"])} for entry in read_log(self.path / LOG)]
        return pd.DataFrame(rows, columns=list(ReportRow.__annotations__))

    @cached_property
    def sequences(self) -> pd.DataFrame:
        """One row per sequence; `first` is the index of its first frame in the arrays."""
        rows = [sequence for entry in read_log(self.path / LOG) for sequence in entry["sequences"]]
        return pd.DataFrame(rows)

    @cached_property
    def betas(self) -> NDArray[np.float32]:
        """Shape coefficients, (sequence, 16)."""
        return np.array(self.sequences["betas"].tolist(), dtype=np.float32)

    def stretches(self, names: tuple[str, ...], first: NDArray, count: NDArray, length: int) -> NDArray:
        """`count` frames from each `first` on, (stretch, `length`, …), the last frame repeated.

        The named arrays are joined along their first axis after the frames. Reading is by `os.pread`, since
        the pages of a memory map stay resident once touched, and a training touches all of them.
        """
        dtype, (_, *rest) = ARRAYS[names[0]]
        widths = [ARRAYS[name][1][0] for name in names]
        out = np.empty((len(first), length, sum(widths), *rest), dtype)
        for name, width, end in zip(names, widths, np.cumsum(widths).tolist(), strict=True):
            size = np.dtype(dtype).itemsize * width * math.prod(rest)
            for row, start, real in zip(
                out[:, :, end - width : end], first.tolist(), count.tolist(), strict=True
            ):
                data = os.pread(self._descriptors[name], real * size, start * size)
                if len(data) < real * size:
                    raise InputError(
                        f"'{self.path / name}.bin' ends before frame {start + real}; ingest again"
                    )
                row[:real] = np.frombuffer(data, dtype).reshape(real, width, *rest)
                row[real:] = row[real - 1]
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the arguments alone: copies, also those in other processes, open the files themselves."""
        return MotionStore, (self.path, self.header)

    @cached_property
    def _descriptors(self) -> dict[str, int]:
        """File descriptors by array; `os.pread` moves no position, so processes may share them."""
        descriptors = {name: os.open(self.path / f"{name}.bin", os.O_RDONLY) for name in ARRAYS}
        for descriptor in descriptors.values():
            weakref.finalize(self, os.close, descriptor)
        return descriptors

    @cached_property
    def digest(self) -> str:
        """A digest of the content: equal stores have equal digests."""
        return digest_of(self.path.name, self.header.__dict__, len(self.sequences))


def open_store(folder: Path) -> MotionStore:
    """The current generation of a store; raises InputError where there is none or it is damaged."""
    current = folder / CURRENT
    if not current.is_file():
        raise InputError(f"there is no finished motion store in '{folder}'; run the ingestion pipeline")
    path = folder / Path(current.read_text(encoding="utf-8", errors="replace").strip()).name
    if not path.is_dir():
        raise InputError(
            f"'{current}' names '{shown(path.name)}', which is no generation beside it; "
            "run the ingestion pipeline"
        )
    store = MotionStore(path, read_record(path / HEADER, _HEADER))
    _demand_whole(store)
    frames = int(store.sequences["frames"].sum())
    for name, (dtype, shape) in ARRAYS.items():
        expected = frames * np.dtype(dtype).itemsize * int(np.prod(shape))
        if (path / f"{name}.bin").stat().st_size < expected:
            raise InputError(f"'{path / name}.bin' is shorter than its {frames} frames; ingest again")
    return store


def _demand_whole(store: MotionStore) -> None:
    """Raise InputError unless every file occurs once and each sequence begins where the last one ends."""
    log, sequences = store.path / LOG, store.sequences
    remedy = f"delete '{store.path.parent}' and run the ingestion pipeline"
    if sequences.empty:
        raise InputError(f"'{log}' lists no motion; {remedy}")
    twice = store.files["file"][store.files["file"].duplicated()]
    if len(twice):
        raise InputError(f"'{log}' lists '{twice.iloc[0]}' twice, as two ingestions at once would; {remedy}")
    begins = sequences["frames"].cumsum() - sequences["frames"]
    elsewhere = sequences[sequences["first"] != begins]
    if len(elsewhere):
        row, begin = elsewhere.iloc[0], begins[elsewhere.index[0]]
        raise InputError(
            f"'{log}' lets '{row['name']}' begin at frame {row['first']}, but those before it end at "
            f"{begin}, as after two ingestions at once; {remedy}"
        )


def _all_refused(log: Path) -> str:
    """The error message about a generation without motion."""
    refused = read_log(log)
    first = f"the first, '{refused[0]['file']}', because: {refused[0]['reason']}"
    return f"every file was refused, {len(refused)} in all, {first}; '{log}' has the reason of each"


def _frames(clip: GroundedClip) -> dict[str, NDArray]:
    frames = {
        "q_body": clip.clip.q_parent_joint[:, :21],
        "q_hand": clip.clip.q_hand,
        "T_world_root": clip.clip.T_world_root,
        "T_world_cpf": clip.T_world_cpf,
        "contacts": clip.contacts,
    }
    return {name: frames[name].numpy().astype(dtype) for name, (dtype, _) in ARRAYS.items()}


def _index_row(clip: GroundedClip) -> dict[str, Any]:
    c = clip.clip
    return {
        "name": c.name,
        "source": c.source,
        "subject": c.subject,
        "activity": c.activity,
        "licence": c.licence,
        "frames": len(c),
        "has_hands": bool((c.q_parent_joint[:, 21:, 0].abs() < 1 - 1e-6).any()),
        "floor_shift_m": clip.floor_shift_m,
        "floor_confidence": clip.floor_confidence,
        "betas": c.betas.tolist(),
    }
