"""Windows: stretches of stored sequences, as rows (sequence, start, length), and batches of their motion.

There is always a frame before the first of a window, because the condition needs the pose relative to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.finite import demand_finite
from motiongrpo.base.seeds import generator_for
from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.kinematics import PosedBody, pose_body, root_from_head
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.motion.mirror import mirror_contacts, mirror_joints, mirror_poses
from motiongrpo.motion.splits import SPLITS
from motiongrpo.motion.store import MotionStore

Spread = Literal["sequences", "people"]
"""How the windows of an evaluation are spread: evenly over the rows of its split, or over its subjects."""


COLUMNS = ("split", "sequence", "start", "length", "subject")  # of a window table


class WindowConfig(Config):
    """Lengths of windows, in frames."""

    length: int = Field(ge=4)
    at_least: int = Field(ge=4)  # shorter stretches are not used


@dataclass(frozen=True)
class WindowBatch(Batched):
    """Windows of one padded length. Padding repeats the last real frame; `mask` is True on real frames."""

    betas: Float[Tensor, "batch 16"]
    q_parent_joint: Float[Tensor, "batch frame joint 4"]  # 21 joints, or 51 with hands
    contacts: Bool[Tensor, "batch frame 21"]
    T_world_cpf: Float[Tensor, "batch frame_and_one 7"]  # one frame earlier than the rest
    mask: Bool[Tensor, "batch frame"]

    def __len__(self) -> int:
        return len(self.betas)

    def posed(self, model: BodyModel) -> tuple[ShapedBody, PosedBody]:
        """The true body, hung from the head: shaped with axes (batch, 1), posed with (batch, frame)."""
        body = model.shaped(self.betas[:, None])
        rotations = matrix_from_quaternion(self.q_parent_joint)
        T_world_root = root_from_head(body, rotations, Transform.from_wxyz_xyz(self.T_world_cpf[:, 1:]))
        return body, pose_body(body, rotations, T_world_root)

    def mirrored(self, which: Bool[Tensor, " batch"]) -> "WindowBatch":
        """The batch with left and right exchanged, hands too, where `which` is True."""

        def swap(original: Tensor, mirror: Callable[[Tensor], Tensor]) -> Tensor:
            return original.index_put((which,), mirror(original[which]))

        return replace(
            self,
            q_parent_joint=swap(self.q_parent_joint, mirror_joints),
            contacts=swap(self.contacts, mirror_contacts),
            T_world_cpf=swap(self.T_world_cpf, mirror_poses),
        )

    def demand_finite(self) -> None:
        """Raise Diverged where a frame is not finite; a matrix decomposition would fail without naming it."""
        for values in (self.betas, self.q_parent_joint, self.T_world_cpf):
            demand_finite("a window of motion", values, "the motion store is damaged, ingest again")


def window_table(
    store: MotionStore, splits: dict[str, str], config: WindowConfig, required: tuple[str, ...] = SPLITS
) -> pd.DataFrame:
    """Columns split, sequence, start, length, subject; InputError where a required split has no window.

    Validation and test rows are consecutive windows, the last one shorter. A train row is the whole usable
    span of a sequence, since training draws its windows anywhere within it.
    """
    table = pd.DataFrame(
        {
            "split": store.sequences["subject"].map(splits),
            "sequence": store.sequences.index,
            "start": 1,
            "length": store.sequences["frames"].astype(int) - 1,
            "subject": store.sequences["subject"],
        }
    )
    train = table["split"] == "train"
    table = pd.concat([table[train], cut_into_windows(table[~train], config)], ignore_index=True)
    table = table[table["length"] >= config.at_least].sort_values(["sequence", "start"], ignore_index=True)
    for split in required:
        if not (table["split"] == split).any():
            raise InputError(
                f"the {split} split has no window of at least {config.at_least} frames; "
                "change ingestion.splits or windows, or add motion"
            )
    return table


def fault_of_windows(table: pd.DataFrame) -> str | None:
    """The reason why a table is not a window table, independent of the store."""
    if missing := [name for name in COLUMNS if name not in table]:
        return f"column '{missing[0]}' is missing"
    for name, least in {"sequence": 0, "start": 1, "length": 1}.items():
        column = table[name]
        if column.dtype != np.int64 or (column < least).any():
            return f"column '{name}' must hold whole numbers from {least} on"
    if len(other := table.loc[~table["split"].isin(SPLITS), "split"]):
        return f"column 'split' must name {', '.join(SPLITS)}, got '{other.iloc[0]}'"
    return "column 'subject' has rows without one" if table["subject"].isna().any() else None


def cut_into_windows(spans: pd.DataFrame, config: WindowConfig) -> pd.DataFrame:
    """Rows of the window table cut into consecutive windows, the last one shorter or left out."""
    pieces = -(-spans["length"] // config.length)
    cut = spans.loc[spans.index.repeat(pieces)]
    passed = config.length * cut.groupby(level=0).cumcount()
    cut = cut.assign(start=cut["start"] + passed, length=(cut["length"] - passed).clip(upper=config.length))
    return pd.DataFrame(cut[cut["length"] >= config.at_least]).reset_index(drop=True)


def draw_windows(
    spans: pd.DataFrame, config: WindowConfig, short_share: float, count: int, generator: torch.Generator
) -> NDArray[np.int64]:
    """`count` rows (sequence, start, length), with every frame of the spans equally likely as a start.

    A share of the windows has a random length from `at_least` up; spans shorter than a window are taken
    whole.
    """
    first, size = spans["start"].to_numpy(), spans["length"].to_numpy()
    starts = np.maximum(size - config.length + 1, 1)
    edges = np.cumsum(starts)
    u = torch.rand(count, 3, generator=generator, dtype=torch.float64).numpy()
    flat = (u[:, 0] * edges[-1]).astype(np.int64)
    span = np.searchsorted(edges, flat, side="right")
    offset = flat - (edges[span] - starts[span])
    longest = np.minimum(size[span], config.length)
    shortened = config.at_least + (u[:, 2] * (longest - config.at_least + 1)).astype(np.int64)
    length = np.where(u[:, 1] < short_share, shortened, longest)
    return np.stack([spans["sequence"].to_numpy()[span], first[span] + offset, length], axis=1)


@dataclass(frozen=True)
class TrainingWindows:
    """The training windows of a store; each batch is a function of the seed and its address alone."""

    store: MotionStore
    spans: pd.DataFrame  # the train rows of the window table
    config: WindowConfig
    hands: bool
    short_share: float
    seed: int
    device: str = "cpu"

    def batch(self, count: int, *address: str | int) -> WindowBatch:
        """`count` random windows, each mirrored with probability 1/2; `address` names the random stream."""
        generator = generator_for(self.seed, "windows", *address)
        rows = draw_windows(self.spans, self.config, self.short_share, count, generator)
        batch = read_windows(self.store, rows, self.config.length, self.hands)
        return batch.mirrored(torch.rand(count, generator=generator) < 0.5).to(self.device)


def split_rows(
    table: pd.DataFrame, split: str, at_most: int | None = None, spread: Spread = "sequences"
) -> pd.DataFrame:
    """The rows of a split, or `at_most` of them, spaced evenly over the split or over each subject's rows.

    Over subjects, all have equally many windows; where one has too few, the others share the rest.
    """
    rows = pd.DataFrame(table[table["split"] == split])
    if rows.empty:
        have = ", ".join(sorted(set(table["split"])))
        raise InputError(f"there is no {split} motion: what was ingested is {have} only")
    if at_most is None or len(rows) <= at_most:
        return rows
    if spread == "sequences":
        return _evenly_spaced(rows, at_most)
    turn = rows.groupby("subject").cumcount()  # every subject gives its first row, then its second, …
    quota = rows.loc[turn.sort_values(kind="stable").index[:at_most], "subject"].value_counts().to_dict()
    chosen = [_evenly_spaced(own, quota.get(subject, 0)) for subject, own in rows.groupby("subject")]
    return pd.concat(chosen).sort_index()


def _evenly_spaced(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    return rows.iloc[np.linspace(0, len(rows) - 1, count).round().astype(int)]


def read_rows(store: MotionStore, rows: pd.DataFrame, config: WindowConfig, hands: bool) -> WindowBatch:
    """The windows in rows of the window table, read from the store."""
    wanted = rows[["sequence", "start", "length"]].to_numpy(np.int64)
    return read_windows(store, wanted, config.length, hands)


def read_windows(store: MotionStore, rows: NDArray[np.int64], length: int, hands: bool) -> WindowBatch:
    """The windows in rows (sequence, start, length), read from the store and padded to `length` frames."""
    sequence, start, real = rows.T
    frames = store.sequences["frames"].to_numpy()
    if sequence.max() >= len(frames) or (start + real > frames[sequence]).any():
        raise InputError(
            f"the window table names frames that the store '{store.path}' does not hold; "
            "run the ingestion pipeline"
        )
    first = store.sequences["first"].to_numpy()[sequence] + start
    joints = ("q_body", "q_hand") if hands else ("q_body",)
    return WindowBatch(
        betas=torch.from_numpy(store.betas[sequence]),
        q_parent_joint=torch.from_numpy(store.stretches(joints, first, real, length)),
        contacts=torch.from_numpy(store.stretches(("contacts",), first, real, length)),
        T_world_cpf=torch.from_numpy(store.stretches(("T_world_cpf",), first - 1, real + 1, length + 1)),
        mask=torch.from_numpy(np.arange(length) < real[:, None]),
    )
