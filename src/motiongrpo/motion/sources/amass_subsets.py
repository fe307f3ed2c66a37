"""The subsets of AMASS: their old and new names, and the splits of papers.

Folders of the legacy download have other names than those on the site today. The new names are used here;
folders may have either.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import field_validator

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.words import shown

LISTED = 60  # characters of the folder names in a message

NEW_NAMES = {
    "BioMotionLab_NTroje": "BMLrub",
    "BML": "BMLrub",
    "DFaust_67": "DFaust",
    "Eyes_Japan_Dataset": "EyesJapanDataset",
    "MPI_HDM05": "HDM05",
    "MPI_Limits": "PosePrior",
    "MPI_mosh": "MoSh",
    "SSM_synced": "SSM",
    "TCD_handMocap": "TCDHands",
    "Transitions_mocap": "Transitions",
}


def subset_name(folder: str) -> str:
    """The current name of a subset, given either of its names."""
    return NEW_NAMES.get(folder, folder)


class SubsetSplit(Config):
    """The subsets of each split."""

    train: list[str]
    validation: list[str]
    test: list[str]

    @field_validator("train", "validation", "test")
    @classmethod
    def use_new_names(cls, names: list[str]) -> list[str]:
        return [subset_name(name) for name in names]


Protocol = Literal["egoallo", "humor"]
_HUMOR_TRAIN: list[str] = [
    *("CMU", "PosePrior", "TotalCapture", "EyesJapanDataset", "KIT", "BMLrub", "BMLmovi", "EKUT", "ACCAD")
]
_VALIDATION = ["HDM05", "SFU", "MoSh"]
PROTOCOLS: dict[Protocol, SubsetSplit] = {
    "egoallo": SubsetSplit(  # EgoAllo, arXiv:2410.03665
        train=[*_HUMOR_TRAIN, "BMLhandball", "DFaust", "DanceDB", "TCDHands"],
        validation=["HumanEva", *_VALIDATION],
        test=["Transitions", "SSM"],
    ),
    "humor": SubsetSplit(  # HuMoR, arXiv:2105.04668
        train=_HUMOR_TRAIN, validation=_VALIDATION, test=["Transitions", "HumanEva"]
    ),
}

Subsets = Protocol | SubsetSplit | list[str]
"""A paper's split of subsets, a custom one, or subsets whose subjects `ingestion.splits` divides."""


def subset_splits(subsets: Subsets) -> dict[str, str] | None:
    """Split by subset; None where subjects are divided instead."""
    if isinstance(subsets, list):
        return None
    chosen = subsets if isinstance(subsets, SubsetSplit) else PROTOCOLS[subsets]
    pairs = [(name, split) for split, names in chosen for name in names]
    for name, split in pairs:
        if dict(pairs)[name] != split:
            raise InputError(
                f"AMASS subset '{name}' is named for {split} and {dict(pairs)[name]}; name it once"
            )
    return dict(pairs)


def subset_folders(folders: Iterable[str], subsets: Subsets, where: str) -> dict[str, str]:
    """Subset by folder, for the wanted ones; InputError where a subset is missing or occurs twice."""
    splits = subset_splits(subsets)
    names = splits if splits is not None else [name for name in subsets if isinstance(name, str)]
    wanted = [subset_name(name) for name in names]
    there = sorted(set(folders))
    chosen = {folder: subset_name(folder) for folder in there if subset_name(folder) in wanted}
    missing = [name for name in wanted if name not in chosen.values()]
    if missing:
        found = shown(", ".join(there), LISTED)
        raise InputError(
            f"AMASS subsets {', '.join(map(_both_names, missing))} are missing or empty in {where}, "
            f"which holds {found or 'no folder'}; download them, or name yours in 'subsets'"
        )
    for name in wanted:
        twice = [folder for folder, subset in chosen.items() if subset == name]
        if len(twice) > 1:
            raise InputError(f"{' and '.join(twice)} in {where} are the same AMASS subset; keep one of them")
    return chosen


def _both_names(name: str) -> str:
    old = next((old for old, new in NEW_NAMES.items() if new == name), None)
    return f"{name} (also {old})" if old else name
