"""Contrasts of cells computed by hand, and what is resampled."""

import math

import numpy as np
import pandas as pd
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.experiments.contrast import Contrast, PairedScores


def scores(cells: dict[str, list[list[float]]], subjects: list[str]) -> pd.DataFrame:
    """`cells` gives values by seed and window; every window is a sequence of its own."""
    rows = [
        {"cell": cell, "seed": seed, "subject": subjects[w], "sequence": w, "window": 1, "mpjpe_mm": value}
        for cell, by_seed in cells.items()
        for seed, values in enumerate(by_seed)
        for w, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def held_out(cells: dict[str, list[list[float]]], subjects: list[str] | None = None) -> PairedScores:
    windows = len(next(iter(cells.values()))[0])
    table = scores(cells, subjects or ["a"] * windows)
    return PairedScores.of(table, np.random.default_rng(0), 500)


def test_a_contrast_is_taken_window_by_window_and_seed_by_seed():
    """Seed 0: (2 + 4)/2 − (1 + 2)/2 = 1.5; seed 1: (6 + 2)/2 − (3 + 0)/2 = 2.5."""
    both = held_out({"a": [[2.0, 4.0], [6.0, 2.0]], "b": [[1.0, 2.0], [3.0, 0.0]]})
    found = both.contrast({"a": 1.0, "b": -1.0}, "mpjpe_mm")
    assert (found.value, found.by_seed) == (2.0, [1.5, 2.5])
    assert found.seed_deviation == pytest.approx(math.sqrt(0.5))
    assert (found.windows, found.sequences) == (2, 2)


def test_what_cells_share_does_not_widen_the_interval_of_their_difference():
    shared = [0.0, 100.0, 200.0, 300.0]
    both = held_out({"a": [[s + 1 for s in shared]], "b": [shared]})
    found = both.contrast({"a": 1.0, "b": -1.0}, "mpjpe_mm")
    assert (found.low, found.high) == (1.0, 1.0)
    alone = both.contrast({"a": 1.0}, "mpjpe_mm")
    assert alone.high - alone.low > 50


def test_the_order_of_rows_and_of_seeds_does_not_matter():
    table = scores({"a": [[2.0, 4.0], [6.0, 2.0]], "b": [[1.0, 2.0], [3.0, 0.0]]}, ["x", "y"])
    one, other = (
        PairedScores.of(t, np.random.default_rng(0), 100).contrast({"a": 1.0, "b": -1.0}, "mpjpe_mm")
        for t in (table, table.sample(frac=1, random_state=1).sort_values("cell"))
    )
    assert one == other


def test_a_difference_is_decided_where_interval_and_every_seed_agree():
    def sign(low: float, high: float, *by_seed: float) -> int:
        return Contrast(0.0, low, high, list(by_seed), 1, 1).sign

    assert sign(0.1, 0.2, 0.1, 0.3) == 1
    assert sign(-0.2, -0.1, -0.1, -0.3) == -1
    assert sign(-0.1, 0.2, 0.1, 0.3) == 0
    assert sign(0.1, 0.2, -0.1, 0.3) == 0
    assert sign(math.nan, math.nan, 0.1, 0.3) == 0


def test_what_was_paid_is_in_deviations_of_the_reference():
    """The reference's windows are 0 and 2, so their deviation is 1; the cell rises by 3 on both."""
    both = held_out({"a": [[3.0, 5.0]], "ref": [[0.0, 2.0]]})
    assert both.paid("a", "ref", ["mpjpe_mm"]).value == 3.0


def test_people_who_differ_widen_the_interval_only_where_people_are_drawn():
    """Sequences of a subject are equal, so nothing varies while all subjects are kept."""
    few, many = (["a", "a", "b", "b"], ["abcdef"[i // 2] for i in range(12)])
    values = {n: [[float(10 * (i // 2)) for i in range(n)]] for n in (4, 12)}
    kept, drawn = held_out({"x": values[4]}, few), held_out({"x": values[12]}, many)
    assert kept.resampled == "sequences within subjects"
    assert drawn.resampled == "subjects, then their sequences"
    narrow, wide = (h.contrast({"x": 1.0}, "mpjpe_mm") for h in (kept, drawn))
    assert narrow.high - narrow.low == 0
    assert wide.high - wide.low > 15


def test_a_seed_that_a_cell_lacks_and_other_windows_are_refused_by_name():
    table = scores({"a": [[1.0, 2.0]] * 2, "b": [[1.0, 2.0]] * 2}, ["x", "x"])
    with pytest.raises(InputError, match="cell 'b' has no score under seed 1"):
        PairedScores.of(table[(table["cell"] == "a") | (table["seed"] == 0)], np.random.default_rng(0), 100)
    moved = table.assign(window=np.where(table["cell"] == "b", 5, table["window"]))
    with pytest.raises(InputError, match="cell 'b' under seed 0 was scored on other windows"):
        PairedScores.of(moved, np.random.default_rng(0), 100)
