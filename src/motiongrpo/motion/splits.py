"""The split into training, validation and test motion, by subject: no subject is in two splits."""

import math
from collections.abc import Mapping

from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import seed_for
from motiongrpo.base.words import counted

SPLITS = ("train", "validation", "test")


class SplitConfig(Config):
    """The subjects of validation and test by name, and the shares of those that are not named."""

    test_subjects: list[str]
    validation_subjects: list[str]
    test_share: float = Field(ge=0, lt=1)
    validation_share: float = Field(ge=0, lt=1)
    seed: int = Field(ge=0)


def split_subjects(subjects: list[str], config: SplitConfig) -> dict[str, str]:
    """Subject → split. The order of unnamed subjects depends on the seed and their names only."""
    named = {"test": config.test_subjects, "validation": config.validation_subjects}
    for split, names in named.items():
        for name in names:
            if name not in subjects:
                have = ", ".join(sorted(set(subjects)))
                raise InputError(f"{split} subject '{name}' has no motion; subjects with motion are {have}")
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


def _none_left(subjects: list[str], taken: list[str]) -> str:
    people = sorted(set(subjects))
    named = f"{', '.join(people[:3])}{', …' if len(people) > 3 else ''}"
    return (
        f"of {counted(len(people), 'subject')} with motion ({named}) none is left for training: "
        f"{taken.count('test')} to test and {taken.count('validation')} to validation; add motion of other "
        "subjects, so that there are 3 at least, or have fewer taken in ingestion.splits"
    )


def split_by_group(subjects: list[str], groups: Mapping[str, str]) -> dict[str, str]:
    """Subject → split, where the first part of a subject's name (`CMU` of `CMU/01`) decides."""
    return {subject: groups[subject.partition("/")[0]] for subject in subjects}
