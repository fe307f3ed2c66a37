"""The study's table: every quantity against a slow loop, and its intervals against the truth."""

import itertools

import numpy as np
import pandas as pd
import pytest

from motiongrpo.experiments.cells import Cell, without_noise
from motiongrpo.experiments.diversity_table import agreement, diversity_table, mean, quantities, share

ONCE = np.ones((1, 3))
TWICE = np.array([[2.0, 1.0, 0.0, 1.0]])  # a resample of four pools: the first twice, the third not


def gradients(pools: int = 4, size: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(pools, size)) + 0.5


def products(vectors: np.ndarray) -> np.ndarray:
    return vectors @ vectors.T


def test_pools_that_agree_have_a_cosine_of_one_and_orthogonal_ones_of_zero():
    same = np.outer([1.0, 2.0, 3.0], [3.0, 4.0])
    assert agreement(ONCE, products(same)) == pytest.approx(1.0)
    assert agreement(ONCE, products(np.diag([1.0, 2.0, 3.0]))) == pytest.approx(0.0)


def test_agreement_is_the_mean_over_pairs_of_different_pools_of_a_resample():
    vectors = gradients()
    drawn = [0, 0, 1, 3]
    pairs = [(i, j) for i, j in itertools.combinations(drawn, 2) if i != j]
    sizes = np.linalg.norm(vectors, axis=1)
    slow = np.mean([vectors[i] @ vectors[j] / sizes[i] / sizes[j] for i, j in pairs])
    assert agreement(TWICE, products(vectors))[0] == pytest.approx(slow, abs=1e-12)


def test_a_resample_of_one_pool_alone_has_no_agreement():
    assert np.isnan(agreement(np.array([[4.0, 0, 0, 0]]), products(gradients()))).all()


def test_a_share_is_of_sums_and_not_a_mean_of_ratios():
    assert mean(TWICE, [1.0, 2.0, 100.0, 4.0])[0] == pytest.approx((1 + 1 + 2 + 4) / 4)
    assert share(ONCE, [1.0, 1.0, 4.0], [1.0, 3.0, 0.0])[0] == pytest.approx(6 / 10)


def test_the_interval_of_a_cosine_covers_the_truth():
    """Gradients with |g|² a tenth of signal and noise: their true cosine is 0.1."""
    rng, size, covered = np.random.default_rng(1), 100, 0
    signal = np.zeros(size)
    signal[0] = (size / 9) ** 0.5
    for _ in range(100):
        cell = one_cell("none", products(signal + rng.normal(size=(12, size))), np.ones(12))
        row = diversity_table([cell], rng, 200).set_index("quantity").loc["gradient_cosine"]
        covered += row["low"] <= 0.1 <= row["high"]
    assert 88 <= covered <= 100


def one_cell(noise: str, inner: np.ndarray, spread: np.ndarray, action: float = 3.0, **facts) -> dict:
    cell = without_noise("ddim", "own") if noise == "none" else Cell("ddim", "own", noise, "sample", 0.1)
    pools = len(inner)
    return {
        "facts": cell.facts() | facts,
        "spread_mm": {"all": spread.tolist()},
        "reward_std": {"a": [1.0] * pools, "b": [3.0] * pools},
        "dropped_share": {"all": [0.25] * pools},
        "condition_variance": {"a": [1.0] * pools, "b": [0.0] * pools},
        "action_variance": {"a": [action] * pools, "b": [1.0] * pools},
        "gradient_products": {"all": inner.tolist()},
    }


def test_a_cell_says_what_its_pools_say():
    found = quantities(one_cell("none", products(gradients(3)), np.array([1.0, 2.0, 6.0])), ONCE)
    values = {key: value[0] for key, value in found.items()}
    assert values["spread_mm", "all"] == pytest.approx(3.0)
    assert values["reward_std", "mean"] == pytest.approx(2.0)
    assert values["action_share", "a"] == pytest.approx(0.75)
    assert values["action_share", "mean"] == pytest.approx((0.75 + 1) / 2)
    assert values["dropped_share", "all"] == pytest.approx(0.25)
    assert values["gradient_norm", "all"] == pytest.approx(np.linalg.norm(gradients(3), axis=1).mean())


def table() -> pd.DataFrame:
    spread = np.array([10.0, 20.0, 60.0])
    cells = [
        one_cell("none", products(gradients(3)), spread),
        one_cell("perlin", products(gradients(3)), spread + 5),
        one_cell("none", products(gradients(3)), spread - 1, sampler="egoallo"),
        one_cell("perlin", products(gradients(3)), spread + 2, sampler="egoallo"),
    ]
    return diversity_table(cells, np.random.default_rng(0), 200)


def test_differences_are_paired_pool_by_pool():
    """A constant shift has no uncertainty, however much the pools differ."""
    rows = table().query("quantity == 'spread_mm'")
    assert rows["value"].tolist() == pytest.approx([30, 35, 29, 32])
    assert (rows["high"] - rows["low"]).min() > 5
    for column in ("difference", "difference_low", "difference_high"):
        assert rows[column].tolist() == pytest.approx([0, 5, -1, 3])  # noise against its own chain


def test_every_row_has_facts_a_unit_and_an_interval():
    rows = table()
    assert set(rows.query("quantity == 'spread_mm'")["unit"]) == {"mm"}
    assert (rows["pools"] == 3).all()
    assert (rows["low"] <= rows["high"]).all()
    assert rows["noise"].unique().tolist() == ["none", "perlin"]
