"""Bands on stored motion: stretches, samples, and the counts of the check."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from motiongrpo.base.seeds import generator_for
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import sample_path
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.metrics.band_calibration import (
    CALIBRATED,
    UNCALIBRATED,
    judged_samples,
    reliability,
    stretches_of,
)
from motiongrpo.metrics.bands import JointBands, JudgedSamples, given_out, spread_m
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.windows import read_windows
from tests.bodies import open_body, stored, synthetic_clips
from tests.denoisers import small
from tests.diffusion.test_guidance import CONFIG as GUIDANCE

CONFIG = EvaluationConfig(
    windows=5,
    spread="sequences",
    samples=3,
    batch_size=8,
    seed=4,
    sampling=SamplingConfig(steps=2, eta=1.0, sampler="ddim", deterministic_below=0),
    resamples=200,
    force=False,
    baselines=True,
    guidance=GUIDANCE,
)
PLAN = WindowPlan(length=16, overlap=4)


def table(**sequences: list[int]) -> pd.DataFrame:
    """Consecutive windows with the lengths given for each subject."""
    rows = []
    for sequence, (subject, lengths) in enumerate(sequences.items()):
        starts = 1 + np.cumsum([0, *lengths[:-1]])
        spans = zip(starts, lengths, strict=True)
        rows += [("test", sequence, start, length, subject) for start, length in spans]
    return pd.DataFrame(rows, columns=["split", "sequence", "start", "length", "subject"])


def test_up_to_four_neighbouring_windows_of_a_sequence_are_one_stretch():
    found = stretches_of(table(a=[16, 16, 16, 16, 16, 9], b=[12]))
    assert found[["sequence", "start", "length"]].to_numpy().tolist() == [[0, 1, 64], [0, 65, 25], [1, 1, 12]]
    assert found["subject"].tolist() == ["a", "a", "b"]


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(small(encoder_layers=1, decoder_layers=1)).eval()


def test_what_is_judged_are_the_motions_that_a_recovery_of_the_stretch_gives(tmp_path, denoiser):
    motions = stored(tmp_path, synthetic_clips(2, seconds=2.0))
    stretches = table(a=[16, 16, 8], b=[16, 9])[["split", "sequence", "subject", "start", "length"]]
    stretches = stretches_of(stretches)
    judged = JudgedSamples.concatenate(
        list(judged_samples(denoiser, motions, stretches, open_body(), PLAN, CONFIG))
    )
    assert judged.mask.sum(1).tolist() == [25, 40]  # by length
    assert judged.person.tolist() == [1, 0]
    row = np.array([[0, 1, 40]])
    batch, generator = read_windows(motions, row, 40, hands=False), generator_for(4, "bands", 0, 1, 40)
    x = sample_path(denoiser, batch.T_world_cpf, 3, CONFIG.sampling, PLAN, generator)[0]
    head = batch.T_world_cpf[0, 1:].expand(3, -1, -1)
    motion = PlacedMotion.sampled(x, head, torch.ones(3, 40, dtype=torch.bool))
    joints = motion.posed(open_body())[1].p_world_joint[:, :, :BODY_JOINTS]
    truth = batch.posed(open_body())[1].p_world_joint[0, :, :BODY_JOINTS]
    shown = joints[given_out(joints[None], batch.mask)[0]]
    assert_close(judged.spread_m[1], spread_m(joints), rtol=0, atol=1e-5)
    assert_close(judged.error_m[1], (shown - truth).norm(dim=-1), rtol=0, atol=1e-5)


def judged() -> JudgedSamples:
    """Two stretches of a with all joints inside a ball of 10 cm, and one of b with half of them inside."""
    error = torch.full((3, 4, BODY_JOINTS), 0.05)
    error[2, :, ::2] = 0.3
    error[0, 2:] = 9.0  # padding
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[0, 2:] = False
    person = torch.tensor([0, 0, 1])
    return JudgedSamples(error, torch.full_like(error, 0.01), mask, person, torch.arange(3))


def checked() -> pd.DataFrame:
    tenth, none, one = ((value,) * BODY_JOINTS for value in (0.1, 0.0, 1.0))
    bands = JointBands(levels=(0.9,), offset_m=tenth, slope=none, quantile=(one,))
    return reliability(judged(), bands, ["a", "b"], np.random.default_rng(0), 200)


def test_every_person_weighs_the_same_in_the_check_and_padding_nothing():
    rows = checked().query(f"band == '{CALIBRATED}'").set_index(["by", "name"])
    assert rows.loc[("all", "all"), "inside"] == pytest.approx(0.75)
    assert rows.loc[("person", "a"), "inside"] == pytest.approx(1.0)
    assert rows.loc[("person", "b"), "inside"] == pytest.approx(0.5)
    assert rows.loc[("joint", "pelvis"), "inside"] == pytest.approx(0.5)
    assert rows.loc[("joint", "left hip"), "inside"] == pytest.approx(1.0)
    assert rows.loc[("all", "all"), ["stretches", "people"]].tolist() == [3, 2]
    assert_allclose(rows["radius_mm"].astype(float), 100.0, atol=1e-4)


def test_the_bare_spread_stands_beside_the_bands():
    rows = checked().query(f"band == '{UNCALIBRATED}' and by == 'all'")
    assert rows["inside"].tolist() == [0.0]
    assert rows["radius_mm"].item() == pytest.approx(14.4, abs=0.1)  # 2.5 · 10 mm / √3
