"""How well the floor is estimated from the eyes' heights alone, on motion whose floor is known.

    python benchmarks/floor_estimate.py [STORE]    a motion store; without it that of kedro run --env mocap

The floor is hidden from `estimated_floor`, which gets pieces of 4 to 10 s. All bodies of the store have one
stature, so each person is measured as many statures, drawn as adults have them; a piece counts for one over
the pieces of its person. The quantile that stands for standing was chosen on the training people, as was the
half-width of the interval.

Measured with quantile 0.9 and ±17.9 cm: on 34 training people |error| 6.8 cm (median), 17.6 cm (90 %), and
the interval holds 90.4 %; on 5 validation people, one of whom climbs playground equipment, 8.0 cm, 21.5 cm
and 84.4 %. Of one stature, that is without what is unknown of the person's size, 1.7 cm and 2.9 cm (median).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _parameters import section

from motiongrpo.head import floor
from motiongrpo.motion.splits import SplitConfig, split_subjects
from motiongrpo.motion.store import MotionStore, open_store

MOCAP = Path("data/02_intermediate/mocap/motions")
SHORTEST_S, LONGEST_S, STATURES = 4, 10, 200
OWN_M = 1.59  # eyes over the floor of the store's body, standing
QUANTILES = (0.5, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)


def pieces(store: MotionStore) -> Iterator[tuple[str, np.ndarray]]:
    """Each person with the heights of the eyes in a piece of motion."""
    longest, shortest = int(LONGEST_S * store.header.fps), int(SHORTEST_S * store.header.fps)
    for row in store.sequences.itertuples():
        first, count = np.array([row.first]), np.array([row.frames])
        heights = store.stretches(("T_world_cpf",), first, count, row.frames)[0, :, 6].astype(np.float64)
        for start in range(0, len(heights) - shortest + 1, longest):
            yield str(row.subject), heights[start : start + longest]


def quantile_of(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The weighted quantile."""
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), share * weights.sum())])


def report(name: str, people: np.ndarray, standing: np.ndarray) -> None:
    """One line: errors of the estimate, as of one stature and over all, and how often the interval holds."""
    names, inverse, counts = np.unique(people, return_inverse=True, return_counts=True)
    weights = 1 / counts[inverse]
    stature = np.random.default_rng(0).normal(floor.EYES_M, floor.EYES_SD_M, (STATURES, len(names)))
    error = (floor.EYES_M - standing * stature[:, inverse] / OWN_M).ravel()
    every = np.tile(weights, STATURES)
    own = np.abs(floor.EYES_M - standing)
    held = float((every * (np.abs(error) <= floor.SURE_M)).sum() / every.sum())
    print(f"{name}: {len(names)} people, {len(people)} pieces; ±{100 * floor.SURE_M:.1f} cm holds {held:.1%}")
    for kind, errors, share in (("one stature", own, weights), ("all statures", np.abs(error), every)):
        median, most = (100 * quantile_of(errors, share, level) for level in (0.5, 0.9))
        print(f"    {kind}: |error| median {median:.1f} cm, 90 % {most:.1f} cm")


def main() -> None:
    parser = argparse.ArgumentParser(description="How well the floor is estimated.")
    parser.add_argument("store", type=Path, nargs="?", default=MOCAP)
    folder = parser.parse_args().store
    if not folder.is_dir():
        print(f"needs the motion store of kedro run --env mocap --pipelines ingestion, and {folder} is none")
        return
    store = open_store(folder)
    config = SplitConfig(**section("ingestion", "mocap")["splits"])
    splits = split_subjects(store.sequences["subject"].tolist(), config)
    found = list(pieces(store))
    for split in ("train", "validation"):
        chosen = [(person, heights) for person, heights in found if splits[person] == split]
        people = np.array([person for person, _ in chosen])
        for share in QUANTILES if split == "train" else (floor.QUANTILE,):
            report(f"{split}, quantile {share}", people, np.array([np.quantile(h, share) for _, h in chosen]))


if __name__ == "__main__":
    main()
