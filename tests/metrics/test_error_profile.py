"""The position error by parts: their mean is the whole, and the samples are those that were scored."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.metrics.error_profile import DIFFERENCE, WindowFacts, error_profile, sampled_windows
from motiongrpo.metrics.evaluation import EvaluationBatch, EvaluationConfig, draw_samples, score_denoiser
from tests.bodies import FPS, open_body, window_batch
from tests.denoisers import small
from tests.diffusion.test_guidance import CONFIG as GUIDANCE

CONFIG = EvaluationConfig(
    windows=5,
    spread="sequences",
    samples=2,
    batch_size=3,
    seed=4,
    sampling=SamplingConfig(steps=2, eta=1.0, sampler="ddim", deterministic_below=0),
    resamples=200,
    force=False,
    baselines=True,
    guidance=GUIDANCE,
)
FACTS = WindowFacts(np.array([7, 7, 9, 3]), ["b", "b", "b", "a"], ["walk+turn", "walk+turn", "", "turn"])


def profile(errors: dict[str, np.ndarray], facts: WindowFacts = FACTS):
    return error_profile(errors, facts, 10.0, np.random.default_rng(0), 400)


def named(table, by: str, model: str):
    return table[(table["by"] == by) & (table["model"] == model)].set_index("name")


def errors(seed: int) -> np.ndarray:
    """Four windows of five frames, the last one shorter."""
    values = np.random.default_rng(seed).uniform(10, 100, (4, 5, BODY_JOINTS))
    values[3, 2:] = np.nan
    return values


def test_the_mean_over_joints_is_mpjpe():
    values = errors(0)
    by_window = np.nanmean(values, axis=(1, 2))
    by_joint = named(profile({"a": values}), "joint", "a")
    assert len(by_joint) == BODY_JOINTS
    assert_allclose(by_joint["mean"].mean(), by_window.mean(), rtol=0, atol=1e-9)
    assert_allclose(by_joint.loc["left foot", "mean"], np.nanmean(values[:, :, 10], 1).mean(), atol=1e-9)


def test_a_sequence_of_two_activities_counts_under_both_and_no_name_is_last():
    values = errors(0)
    by_window = np.nanmean(values, axis=(1, 2))
    table = named(profile({"a": values}), "activity", "a")
    assert table.index.tolist() == ["turn", "walk", "not recorded"]
    assert table["windows"].tolist() == [3, 2, 1]
    assert table["sequences"].tolist() == [2, 1, 1]
    assert_allclose(
        table["mean"], [by_window[[0, 1, 3]].mean(), by_window[:2].mean(), by_window[2]], rtol=0, atol=1e-9
    )
    assert table.loc[["walk", "not recorded"], ["low", "high"]].isna().all(axis=None), "one sequence"


def test_a_moment_is_judged_on_the_windows_that_reach_it():
    values = errors(0)
    table = named(profile({"a": values}), "seconds", "a")
    assert table.index.tolist() == ["0.0000", "0.1000", "0.2000", "0.3000", "0.4000"]
    assert table["windows"].tolist() == [4, 4, 3, 3, 3]
    assert_allclose(table["mean"], np.nanmean(values.mean(2), 0), rtol=0, atol=1e-9)


def test_the_difference_is_paired_so_a_constant_gain_has_no_width():
    before = errors(0)
    table = named(profile({"before": before, "after": before - 3.0}), "joint", DIFFERENCE)
    for column in ("mean", "low", "high"):
        assert_allclose(table[column], -3.0, rtol=0, atol=1e-9)
    wide = named(profile({"before": before, "after": before - 3.0}), "joint", "after")
    assert (wide["high"] - wide["low"] > 1).all()


def test_over_people_who_differ_the_interval_is_wider_than_over_their_sequences():
    """Six people with four sequences each, in which the errors are the person's own."""
    person = np.repeat(np.arange(6), 4)
    values = np.broadcast_to(10.0 * person[:, None, None], (24, 5, BODY_JOINTS))
    facts = WindowFacts(np.arange(24), [f"p{i}" for i in person], ["walk"] * 24)
    of = {
        spread: error_profile({"a": values}, facts, 10.0, np.random.default_rng(0), 400, spread)
        for spread in ("sequences", "people")
    }
    width = {spread: (table["high"] - table["low"]).iloc[0] for spread, table in of.items()}
    assert width["people"] > 1.5 * width["sequences"]  # 2 in the limit of many people


@pytest.fixture(scope="module")
def batch():
    whole = window_batch(frames=12, count=5)
    whole.mask[2, 8:] = False
    return whole


def test_the_samples_are_those_that_evaluation_scores(batch):
    torch.manual_seed(0)
    denoiser = Denoiser(small()).double().eval()
    parts = list(sampled_windows(denoiser, batch, open_body(), CONFIG))
    assert [len(part.joint_error_mm) for part in parts] == [3, 2]
    found = torch.cat([part.joint_error_mm for part in parts])
    assert torch.equal(found.isnan().any(-1), ~batch.mask)
    scored = score_denoiser(denoiser, batch, open_body(), FPS, CONFIG)["mpjpe_mm"]
    assert_allclose(found.nanmean((1, 2)), scored, rtol=0, atol=1e-9)


def test_the_motion_that_is_kept_is_the_first_sample_of_its_window(batch):
    torch.manual_seed(0)
    denoiser = Denoiser(small()).double().eval()
    (part, *_) = sampled_windows(denoiser, batch, open_body(), CONFIG)
    three = batch.rows(torch.arange(3))
    x = draw_samples(denoiser, EvaluationBatch(three, 0), CONFIG)
    first, second = (PlacedMotion.sampled(x[:, k], three.T_world_cpf[:, 1:], three.mask) for k in (0, 1))
    assert torch.equal(part.first.R_parent_joint, first.R_parent_joint)
    assert not torch.equal(part.first.R_parent_joint, second.R_parent_joint)
    for name in ("betas", "contacts", "T_world_cpf", "mask"):
        assert torch.equal(getattr(part.first, name), getattr(first, name))
