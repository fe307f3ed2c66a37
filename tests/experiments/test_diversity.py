"""Cells of the study on a small network: the design, and the measurements of a cell."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.experiments.cells import Cell, CellsConfig, DiversityConfig, cells, without_noise
from motiongrpo.experiments.diversity import Study, gradient_products, measure
from motiongrpo.policy.advantage import RewardScale, variance_split
from motiongrpo.policy.collection import AdvantageConfig, judge
from motiongrpo.policy.update import gradient_pass
from tests.bodies import window_batch
from tests.policy.test_branch import credit_config
from tests.policy.test_update import network, optimiser, surrogate
from tests.rewards.test_hybrid import hybrid

TERMS = ["rotation", "position"]
WINDOWS = window_batch(frames=6, count=6)
DESIGN = {
    "design": "star",
    "samplers": ["ddim", "egoallo"],
    "latents": ["own", "shared"],
    "scopes": ["group", "nested", "sample"],
    "amplitudes_m": [0.05, 0.1],
    "central_m": 0.1,
    "spacing_frames": 8.0,
    "octaves": 1,
}


def config(**changes) -> DiversityConfig:
    values = {
        "checkpoint": "pretrained_denoiser",
        "cells": DESIGN,
        "pools": 2,
        "conditions": 2,
        "group_size": 4,
        "tracks": 2,
        "steps": 6,
        "trained_steps": 2,
        "lowest_level": 64,
        "resamples": 100,
        "seed": 0,
    }
    return DiversityConfig(**values | changes)


def windows(count: int, *address):
    first = 2 * int(address[-1])
    return WINDOWS.rows((torch.arange(count) + first) % len(WINDOWS))


def study(**changes) -> Study:
    ones = dict.fromkeys(TERMS, 1.0)
    scale = RewardScale(ones, dict.fromkeys(TERMS, 1e-3), dict.fromkeys(TERMS, 0.0))
    drop = AdvantageConfig(
        clamp=5.0, drop_below=0.01, refills=0, empty_updates=1, calibration_conditions=2, shuffled=False
    )
    return Study(
        network(),
        hybrid(terms=TERMS),
        scale,
        windows,
        config(**changes),
        drop,
        surrogate(clip_shift=10.0),
        credit_config(),
        ones,
    )


def noisy(scope: str, amplitude: float = 0.1, kind: str = "perlin") -> Cell:
    return Cell("ddim", "own", kind, scope, amplitude)


@pytest.mark.parametrize(("design", "count"), [("star", 1 + 6 + 3 + 3 * (1 + 3)), ("full", 4 * (1 + 6 + 3))])
def test_a_design_has_its_cells_once_and_the_main_chain_without_noise_first(design, count):
    found = cells(CellsConfig(**DESIGN | {"design": design}))
    assert found[0] == without_noise("ddim", "own")
    assert len(found) == count
    assert len({cell.name for cell in found}) == count
    for cell in found:
        chain = cell.rollout(config())
        assert (chain.sampling.sampler, chain.initial_noise) == (cell.sampler, cell.latent)
        assert (chain.noise.kind, chain.noise.amplitude_m) == (cell.noise, cell.amplitude_m)
        if cell.noise != "none":
            assert chain.tracks == {"group": 1, "nested": 2, "sample": 4}[cell.scope]


def test_a_centre_that_is_no_amplitude_and_tracks_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match=r"central_m must be one of amplitudes_m, got 0\.3"):
        config(cells=DESIGN | {"central_m": 0.3})
    with pytest.raises(ValueError, match="tracks must divide group_size 4 and be less, got 3"):
        config(tracks=3)


def drawn(looked_at: Study, cell: Cell):
    chain = cell.rollout(looked_at.config)
    return looked_at._drawn(chain, windows(2, 0), [(1000, 625)], 0)


@pytest.mark.parametrize("scope", ["group", "nested", "sample"])
def test_cells_have_initial_noise_and_noise_of_the_chain_in_common(scope):
    quiet, other = drawn(study(), without_noise("ddim", "own")), drawn(study(), noisy(scope))
    for name in ("x_t", "noise"):
        mine, theirs = (getattr(r.steps[0], name).flatten(0, 1) for r in (quiet, other))
        assert_close(mine, theirs, rtol=0, atol=0)
    assert (quiet.by_group() - other.by_group()).abs().max() > 1e-4


def test_noise_on_the_condition_is_not_that_of_the_chain():
    rollouts = drawn(study(), noisy("group", 1.0, "white"))
    displacement = (rollouts.T_world_cpf - windows(2, 0).T_world_cpf)[0, :, 4:].flatten()
    first = rollouts.steps[0].x_t[0, 0].flatten()[: len(displacement)]
    assert (displacement - first).abs().max() > 0.1


def test_noise_of_two_amplitudes_is_the_same_noise_scaled():
    low, high = (drawn(study(), noisy("sample", m)).T_world_cpf[..., 4:] for m in (0.05, 0.1))
    true = windows(2, 0).T_world_cpf.repeat_interleave(4, 0)[..., 4:]
    assert_close(high - true, 2 * (low - true), rtol=0, atol=1e-6)


def test_only_noise_on_several_tracks_of_a_group_causes_variance_of_its_own():
    looked_at = study()
    for cell in (without_noise("ddim", "own"), noisy("group")):
        for condition, action in looked_at.pool(cell, 0).variances.values():
            assert condition == 0
            assert action > 0
    nested, sample = (looked_at.pool(noisy(scope), 0).variances for scope in ("nested", "sample"))
    assert nested == sample  # the extra rollout of the latter is the former
    rewards = looked_at.reward.rewards(
        judge(drawn(looked_at, noisy("nested")), looked_at.reward).values, looked_at.scale.omega
    )
    for term, r in rewards.items():
        between, within = variance_split(r.view(2, 2, 2))
        assert nested[term] == (float(between.mean()), float(within.mean()))


def test_a_pools_gradient_is_that_of_the_update_that_is_not_made():
    looked_at = study()
    pool = looked_at.pool(noisy("nested"), 0)
    chain = noisy("nested").rollout(looked_at.config)
    levels = [(int(name), name) for name in pool.gradients if name.isdigit()]
    trained = [(t, s) for t, s in [(1000, 625), (625, 400), (400, 225), (225, 100), (100, 25)]]
    steps = [pair for pair in trained if pair[0] in dict(levels)]
    rollouts = looked_at._drawn(chain, windows(2, 0), steps, 0)
    rewards = looked_at.reward.rewards(judge(rollouts, looked_at.reward).values, looked_at.scale.omega)
    from motiongrpo.policy.advantage import group_advantages

    compared = {term: r.view(4, 2) for term, r in rewards.items()}
    advantage = group_advantages(compared, looked_at.scale.floor, 5.0)
    update = gradient_pass(optimiser(network()), network(), rollouts, advantage, surrogate(), 0)
    assert float(pool.gradients["all"].norm()) == pytest.approx(update.gradient_norm, rel=1e-6)
    for _, name in levels:
        assert float(pool.gradients[name].norm()) == pytest.approx(update.level_norm[name], rel=1e-6)
    assert_close(sum(pool.gradients[name] for _, name in levels), pool.gradients["all"])
    assert_close(sum(pool.gradients[term] for term in TERMS), pool.gradients["all"])  # where none is clamped


def test_credit_at_the_clean_estimate_is_among_the_gradients_and_its_branches_follow_the_derivative():
    """With many pairs over whole windows; fewer branches add noise around the same direction."""
    many = credit_config(pairs=200, frames=6, body=False, sd_rad=0.02)
    found = replace(study(), credit=many).pool(without_noise("ddim", "own"), 0).gradients
    assert float(torch.cosine_similarity(found["branch"], found["derivative"], dim=0)) > 0.5
    assert {"all", *TERMS, "branch", "derivative"} < set(found)


def test_a_cell_is_the_list_of_its_pools_and_fits_into_json():
    looked_at = study()
    found = measure(looked_at, noisy("sample"))
    pools = [looked_at.pool(noisy("sample"), number) for number in range(2)]
    assert found["spread_mm"]["arms"] == [pool.spread_mm["arms"] for pool in pools]
    assert found["reward_std"]["position"] == [pool.reward_std["position"] for pool in pools]
    inner = np.asarray(found["gradient_products"]["all"])
    a, b = (pool.gradients["all"] for pool in pools)
    assert inner == pytest.approx(np.array([[a @ a, a @ b], [b @ a, b @ b]]), rel=1e-9)
    assert set(found["gradient_products"]) >= {"all", *TERMS}


def test_inner_products_are_between_every_two_pools():
    vectors = [{"g": torch.tensor([1.0, 0.0])}, {"g": torch.tensor([1.0, 1.0])}]
    assert gradient_products(vectors) == {"g": [[1.0, 1.0], [1.0, 2.0]]}


def test_groups_that_would_be_dropped_are_counted():
    looked_at = study()
    wide = replace(looked_at.scale, spread=dict.fromkeys(TERMS, 1e9))
    assert looked_at.pool(without_noise("ddim", "own"), 0).dropped_share == 0
    assert replace(looked_at, scale=wide).pool(without_noise("ddim", "own"), 0).dropped_share == 1
