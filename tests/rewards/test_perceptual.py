import pytest
import torch
from scipy.stats import spearmanr
from torch.testing import assert_close

from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import geodesic_angle
from motiongrpo.optimisation import Optimiser, OptimiserConfig
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.examination import Examiner, calibrate, examine, fit_logistic, rank_correlation
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from motiongrpo.rewards.training import Judged, RewardModelConfig, info_nce, train_perceptual
from tests.bodies import FPS, open_body, window_batch

ARCHITECTURE = PerceptualConfig(width=16, heads=2, blocks=1, frames_per_token=4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distance(a: PlacedMotion, b: PlacedMotion) -> torch.Tensor:
    """How far two bodies are apart: radians in all joints, and metres between heads, per motion."""
    angle = geodesic_angle(a.R_parent_joint, b.R_parent_joint).mean((1, 2))
    return angle + (a.T_world_cpf - b.T_world_cpf)[..., 4:].norm(dim=-1).mean(1)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_leaves_the_truth_at_zero_and_grows_with_severity(kind):
    truth = PlacedMotion.truth(window_batch())
    by_severity = [
        distance(CORRUPTIONS[kind](truth, torch.full((4,), s).double(), generator()), truth)
        for s in (0.0, 0.3, 0.6, 1.0)
    ]
    assert float(by_severity[0].max()) < 1e-6
    means = [float(d.mean()) for d in by_severity]
    assert means[1] > 0.002
    assert means == sorted(means)


def test_corrupted_bodies_are_still_bodies():
    truth = PlacedMotion.truth(window_batch())
    for corrupt in CORRUPTIONS.values():
        R = corrupt(truth, torch.ones(4).double(), generator()).R_parent_joint
        assert_close(R @ R.mT, torch.eye(3).double().expand_as(R), rtol=0, atol=1e-6)
        assert float(torch.linalg.det(R).min()) > 0.99


def test_padded_frames_change_no_logit():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features = torch.randn(2, 24, 22, 13).double()
    condition = torch.randn(2, 24, 154).double()
    mask = torch.arange(24) < torch.tensor([[9], [24]])
    before = model(features, condition, mask)
    features[0, 9:] += 100
    condition[0, 9:] -= 100
    assert_close(model(features, condition, mask), before, rtol=0, atol=0)


def test_a_motion_is_judged_alone():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features, condition = torch.randn(3, 10, 22, 13).double(), torch.randn(3, 10, 154).double()
    mask = torch.ones(3, 10, dtype=torch.bool)
    assert_close(model(features[1:2], condition[1:2], mask[1:2]), model(features, condition, mask)[1:2])


def test_info_nce_by_hand():
    positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -1.0, 0.5])
    loss, accuracy = info_nce(positive, negative, temperature=0.5)
    expected = [
        -torch.log(torch.exp(p / 0.5) / (torch.exp(p / 0.5) + torch.exp(negative / 0.5).sum()))
        for p in positive
    ]
    assert_close(loss, torch.stack(expected).mean())
    assert accuracy == pytest.approx(4 / 6)


def test_logistic_regression_finds_the_true_curve():
    """Logits drawn from N(±1, 1) have the posterior sigmoid(2 x)."""
    real = 1 + torch.randn(40_000, generator=generator()).double()
    fake = -1 + torch.randn(40_000, generator=generator(1)).double()
    assert_close(fit_logistic(real, fake), torch.tensor([2.0, 0.0]).double(), rtol=0, atol=0.05)


def test_a_short_training_tells_truth_from_jitter_and_its_report_says_so(monkeypatch):
    """A model of a few thousand parameters on four windows and one fault."""
    for module in ("training", "examination"):
        only_jitter = {"jitter": CORRUPTIONS["jitter"]}
        monkeypatch.setattr(f"motiongrpo.rewards.{module}.CORRUPTIONS", only_jitter)
    config = RewardModelConfig(
        steps=200,
        batch_size=4,
        corruptions_per_window=3,
        severity_at_least=0.1,
        hard_negative_windows=0,
        hard_negatives_per_step=0,
        temperature=0.07,
        checkpoint_every=200,
        examination_windows=4,
        seed=0,
        sampling={"steps": 4, "eta": 1.0, "sampler": "ddim"},
        model=ARCHITECTURE,
        optimiser={
            "learning_rate": 3e-3,
            "weight_decay": 0.0,
            "warmup_steps": 0,
            "gradient_clip": 1.0,
            "ema_decay": 0.0,
        },
    )
    batch = window_batch(frames=12)
    torch.manual_seed(0)
    optimiser = Optimiser(
        PerceptualModel(ARCHITECTURE).double(), OptimiserConfig(**config.optimiser.model_dump())
    )
    steps = list(train_perceptual(optimiser, lambda step: batch, None, open_body(), FPS, config))
    assert sum(step.loss for step in steps[-10:]) / 10 < 0.5 * steps[0].loss
    assert sum(step.pair_accuracy for step in steps[-10:]) / 10 > 0.9
    examiner = Examiner(open_body(), FPS, batch, seed=1)
    samples = Judged(PlacedMotion.truth(batch), batch.T_world_cpf)
    model = optimiser.averaged
    model.calibration.copy_(calibrate(model, examiner, None))
    report = examine(model, examiner, samples)
    assert report["corruptions"]["jitter"]["pair_accuracy"]["1.0"] == 1.0
    assert report["corruptions"]["jitter"]["spearman"] < -0.2
    assert 0.5 < report["truth_score"] < 1.0
    assert report["samples"]["score"] == pytest.approx(report["truth_score"])


def test_the_rank_correlation_is_perfect_for_a_perfect_order_and_zero_for_none():
    falling = torch.arange(5.0).flip(0)[:, None].expand(-1, 3)
    assert rank_correlation(falling) == pytest.approx(-1)
    assert rank_correlation(torch.cat([falling, -falling], dim=1)) == pytest.approx(0)
    assert rank_correlation(torch.zeros(5, 2)) == 0
    noise = torch.randn(9, 4, generator=generator())
    expected = [spearmanr(range(9), column).statistic for column in noise.T.numpy()]
    assert rank_correlation(noise) == pytest.approx(sum(expected) / 4)
