"""The division into training, validation and test motion by subject: no subject is in two splits."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal

from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import seed_for
from motiongrpo.base.words import counted

SPLITS = ("train", "validation", "test")
MOST_LISTED = 60  # subjects that one sentence lists
JUDGE_BY = "ingestion.splits.only=test makes a store to judge by of any motion"


class SplitConfig(Config):
    """The subjects of validation and test by name, and the shares among all others."""

    only: Literal["test"] | None  # the split of all subjects, overriding the rest: motion only for evaluation
    test_subjects: list[str]
    validation_subjects: list[str]
    test_share: float = Field(ge=0, lt=1)
    validation_share: float = Field(ge=0, lt=1)
    seed: int = Field(ge=0)

    @property
    def required(self) -> tuple[str, ...]:
        """The splits that must have motion."""
        return SPLITS if self.only is None else (self.only,)


def split_subjects(subjects: list[str], config: SplitConfig) -> dict[str, str]:
    """Split by subject. The order of unnamed subjects depends on the seed and their names only."""
    if config.only is not None:
        return dict.fromkeys(subjects, config.only)
    named = {"test": config.test_subjects, "validation": config.validation_subjects}
    for split, names in named.items():
        for name in names:
            if name not in subjects:
                raise InputError(f"{split} subject '{name}' has no motion; {_who_has(name, subjects)}")
    both = set(config.test_subjects) & set(config.validation_subjects)
    if both:
        raise InputError(f"subject '{min(both)}' is named for both test and validation; name it once")
    chosen = {name: split for split, names in named.items() for name in names}
    rest = sorted(set(subjects) - set(chosen), key=lambda s: seed_for(config.seed, "split", s))
    test = math.ceil(config.test_share * len(rest))
    validation = math.ceil(config.validation_share * len(rest))
    shares = ["test"] * test + ["validation"] * validation
    if len(rest) <= len(shares):
        raise InputError(_none_left(subjects, [*chosen.values(), *shares[: len(rest)]]))
    shares += ["train"] * (len(rest) - len(shares))
    return chosen | dict(zip(rest, shares, strict=False))


def demand_every_split(splits: Mapping[str, str], required: tuple[str, ...]) -> None:
    """Raise InputError where a split that must have motion has no subject."""
    for split in required:
        if split not in splits.values():
            raise InputError(
                f"no subject is left for the {split} split of {_people(list(splits))}; name some in "
                f"ingestion.splits.{split}_subjects or raise {split}_share ({JUDGE_BY})"
            )


def _who_has(name: str, subjects: list[str]) -> str:
    have = sorted(set(subjects))
    if len(have) <= MOST_LISTED:
        return f"subjects with motion are {', '.join(have)}"
    (nearest,) = get_close_matches(name, have, n=1, cutoff=0)
    return f"of {len(have)} subjects with motion '{nearest}' is the nearest by name"


def _none_left(subjects: list[str], taken: list[str]) -> str:
    return (
        f"of {_people(subjects)} none is left for training: "
        f"{taken.count('test')} to test and {taken.count('validation')} to validation; add motion of other "
        f"subjects, so that there are 3 at least, or have fewer taken in ingestion.splits ({JUDGE_BY})"
    )


def _people(subjects: list[str]) -> str:
    people = sorted(set(subjects))
    named = f"{', '.join(people[:3])}{', …' if len(people) > 3 else ''}"
    return f"{counted(len(people), 'subject')} with motion ({named})"


def split_by_group(subjects: list[str], groups: Mapping[str, str]) -> dict[str, str]:
    """Split by subject, as given for the first part of the subject's name (`CMU` of `CMU/01`)."""
    return {subject: groups[subject.partition("/")[0]] for subject in subjects}
