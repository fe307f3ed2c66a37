from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr
from torch.testing import assert_close

from motiongrpo.body.skeleton import Joint
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.examination import (
    SEVERITIES,
    Examiner,
    examine,
    fit_calibration,
    fit_logistic,
    rank_correlation,
    share_above,
)
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.training import PerceptualInput
from tests.bodies import FPS, open_body, window_batch
from tests.rewards.test_perceptual import ARCHITECTURE

BATCH = window_batch(frames=12)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def examiner(seed: int = 1) -> Examiner:
    return Examiner(open_body(), FPS, BATCH, seed)


def model() -> PerceptualModel:
    torch.manual_seed(0)
    return PerceptualModel(ARCHITECTURE).double()


def test_logistic_regression_finds_the_true_curve():
    """Logits drawn from N(±1, 1) have the posterior sigmoid(2 x)."""
    real = 1 + torch.randn(40_000, generator=generator()).double()
    fake = -1 + torch.randn(40_000, generator=generator(1)).double()
    assert_close(fit_logistic(real, fake), torch.tensor([2.0, 0.0]).double(), rtol=0, atol=0.05)


def test_the_larger_side_does_not_weigh_more():
    real, fake = torch.randn(2, 50, generator=generator(), dtype=torch.float64) + torch.tensor(
        [[1.0], [-1.0]]
    )
    once, thrice = fit_logistic(real, fake), fit_logistic(real, fake.repeat(3))
    p = torch.sigmoid(thrice[0] * torch.cat([real, fake]) + thrice[1])
    assert_close(thrice, once, rtol=0, atol=0.02)  # not exactly: logits are scaled by their pooled deviation
    assert float(p[:50].mean() + p[50:].mean()) == pytest.approx(1, abs=1e-3)


def test_sides_that_do_not_overlap_get_a_finite_slope():
    slope, _ = fit_logistic(torch.tensor([1.0, 2.0]).double(), torch.tensor([-1.0, -2.0]).double())
    assert 1 < float(slope) < 100


def test_the_examiners_questions_are_the_same_twice_and_others_for_another_seed():
    def asked(seed: int) -> torch.Tensor:
        return examiner(seed).corrupted("jitter", 0.5).candidate.R_parent_joint

    assert_close(asked(1), asked(1), rtol=0, atol=0)
    assert (asked(1) - asked(2)).abs().max() > 1e-3


def test_bodies_under_another_head_hang_from_it():
    """They keep their motion but are moved to the other head, so that no body is metres away from it."""
    judged = examiner().under_another_head()
    assert_close(judged.T_world_cpf, BATCH.T_world_cpf.roll(1, 0), rtol=0, atol=0)
    truth, candidate = examiner().truth().candidate, judged.candidate
    assert_close(candidate.R_parent_joint, truth.R_parent_joint, rtol=0, atol=0)
    assert_close(candidate.betas, truth.betas, rtol=0, atol=0)
    head = candidate.posed(open_body())[1].p_world_joint[:, :, Joint.HEAD]
    assert (head - judged.T_world_cpf[:, 1:, 4:]).norm(dim=-1).max() < 0.2


def test_under_another_head_only_frames_count_that_both_windows_have():
    short = replace(BATCH, mask=torch.arange(12) < torch.tensor([12, 5, 9, 12])[:, None])
    judged = replace(examiner(), batch=short).under_another_head()
    assert judged.candidate.mask.sum(1).tolist() == [12, 5, 5, 9]


def test_graded_corruptions_have_every_severity_in_turn():
    raised = examiner().graded("height_shift").candidate.T_world_cpf[..., 6] - BATCH.T_world_cpf[:, 1:, 6]
    assert (raised.abs().amax(1) / 0.2).tolist() == pytest.approx(SEVERITIES)


def test_the_report_says_what_the_logits_say():
    judge = lambda judged: judged.logits(model(), open_body(), FPS)  # noqa: E731
    asking, perceptual = examiner(), model()
    samples = PerceptualInput(asking.corrupted("jitter", 0.2).candidate, BATCH.T_world_cpf)
    report = examine(perceptual, asking, samples)
    truth, fake = judge(asking.truth()), judge(samples)
    assert report["windows"] == 4
    assert set(report["corruptions"]) == set(CORRUPTIONS)
    for kind, said in report["corruptions"].items():
        worse = [judge(asking.corrupted(kind, severity)) for severity in SEVERITIES]
        accuracy = [float((truth > w).double().mean()) for w in worse]
        assert list(said["pair_accuracy"].values()) == pytest.approx(accuracy)
        columns = torch.stack([truth, *worse]).detach().numpy().T
        order = [spearmanr(range(5), column).statistic for column in columns]
        assert said["spearman"] == pytest.approx(sum(order) / 4)
    assert report["truth_score"] == pytest.approx(float(perceptual.score(truth).mean().detach()))
    pairs = [float(t > f) for t in truth for f in fake]
    assert report["samples"]["pair_accuracy"] == pytest.approx(sum(pairs) / 16)
    another = judge(asking.under_another_head())
    assert report["another_head"]["pair_accuracy"] == share_above(truth, another)


def test_calibration_makes_the_truth_likelier_than_its_opposites():
    """Both sides have equal weight, so the mean scores of truth and of negatives add up to one."""
    perceptual, asking = model(), examiner()
    perceptual.calibration.copy_(fit_calibration(perceptual, asking, None))
    real = perceptual.score(asking.truth().logits(perceptual, open_body(), FPS))
    fakes = PerceptualInput.concatenate([asking.graded(kind) for kind in CORRUPTIONS])
    fake = perceptual.score(fakes.logits(perceptual, open_body(), FPS))
    assert float((real.mean() + fake.mean()).detach()) == pytest.approx(1, abs=0.01)
    assert float(real.mean().detach()) >= float(fake.mean().detach())


def test_the_rank_correlation_is_perfect_for_a_perfect_order_and_zero_for_none():
    falling = torch.arange(5.0).flip(0)[:, None].expand(-1, 3)
    assert rank_correlation(falling) == pytest.approx(-1)
    assert rank_correlation(torch.cat([falling, -falling], dim=1)) == pytest.approx(0)
    assert rank_correlation(torch.zeros(5, 2)) == 0
    noise = torch.randn(9, 4, generator=generator())
    expected = [spearmanr(range(9), column).statistic for column in noise.T.numpy()]
    assert rank_correlation(noise) == pytest.approx(sum(expected) / 4)
