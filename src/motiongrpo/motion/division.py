"""The division of motion into splits: by the source's own division, or by subject."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from motiongrpo.base.errors import InputError
from motiongrpo.motion.ingestion import IngestionConfig
from motiongrpo.motion.sources.amass import subject_of_path
from motiongrpo.motion.sources.amass_subsets import Subsets, subset_name, subset_splits
from motiongrpo.motion.sources.folder import take
from motiongrpo.motion.sources.mocap.takes import subject_of
from motiongrpo.motion.sources.synthetic import subject_of_clip
from motiongrpo.motion.splits import demand_every_split, split_by_group, split_subjects


def divided(subjects: list[str], config: IngestionConfig) -> tuple[dict[str, str], tuple[str, ...]]:
    """Subject → split, by the source's own division or by shares, and the splits that must have motion."""
    groups = _own_division(config)
    if groups is None:
        return split_subjects(subjects, config.splits), config.splits.required
    return split_by_group(subjects, groups), tuple(sorted(set(groups.values())))


def check_division(files: Iterable[str], config: IngestionConfig) -> None:
    """Raise InputError where files of these names cannot be divided as the parameters say.

    It needs the names alone, so a misspelt subject is found before hours of reading. A subject counts here
    even if all its files are refused later; the division itself then fails.
    """
    if _own_division(config) is not None:
        if config.splits.only is not None:
            raise InputError(
                f"ingestion.splits.only={config.splits.only} is for subjects that are divided by name or "
                f"share, but source {config.source} is divided as {_SAYS[config.source]} says: name its "
                "parts there"
            )
        return
    subjects = sorted(set(_subjects(files, config)))
    if subjects:  # where no name gives a subject, each file gets its own verdict
        demand_every_split(*divided(subjects, config))


_SAYS = {
    "amass": "ingestion.amass.subsets",
    "egoallo_hdf5": "ingestion.egoallo_hdf5.subsets",
    "rich": "ingestion.rich.splits",
}


def _own_division(config: IngestionConfig) -> Mapping[str, str] | None:
    """Split by the first part of subjects' names; None where subjects are divided instead."""
    match config.source:
        case "amass":
            return subset_splits(config.amass.subsets)
        case "egoallo_hdf5":
            return subset_splits(config.egoallo_hdf5.subsets)
        case "rich":
            return {str(folder): str(split) for folder, split in config.rich.splits.items()}
        case "mocap" | "synthetic":
            return None


def _subjects(files: Iterable[str], config: IngestionConfig) -> Iterator[str]:
    """The subjects of the files by their names; files whose names give none are left out."""
    match config.source:
        case "synthetic":
            yield from (subject_of_clip(config.synthetic, index) for index in range(config.synthetic.clips))
        case "mocap":
            for file in files:
                with suppress(InputError):
                    yield subject_of(take(file), config.mocap)
        case "amass":
            yield from _of_subsets(files, config.amass.subsets)
        case "egoallo_hdf5":
            yield from _of_subsets(files, config.egoallo_hdf5.subsets)


def _of_subsets(files: Iterable[str], subsets: Subsets) -> Iterator[str]:
    wanted = {subset_name(name) for name in subsets} if isinstance(subsets, list) else set()
    for file in files:
        folder, _, inside = file.partition("/")
        if subset_name(folder) in wanted:
            yield subject_of_path(f"{subset_name(folder)}/{inside}")
