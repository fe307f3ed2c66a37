"""Metrics and rewards of the same samples, and the selection of the best of several."""

import torch
from torch.testing import assert_close

from motiongrpo.experiments.scoring import Scorer, better_of
from motiongrpo.metrics.evaluation import (
    EvaluationBatch,
    EvaluationConfig,
    draw_samples,
    listed,
    score_denoiser,
)
from tests.bodies import FPS, open_body
from tests.diffusion.test_guidance import CONFIG as GUIDANCE
from tests.policy.test_grpo import network, windows
from tests.rewards.test_hybrid import hybrid

OMEGA = {"rotation": 1.0, "position": 1.0, "aligned_position": 1.0, "velocity": 0.2, "perceptual": 0.2}
CONFIG = EvaluationConfig(
    windows=3,
    spread="sequences",
    samples=2,
    batch_size=3,
    seed=7,
    sampling={"steps": 4, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0},
    resamples=100,
    force=False,
    baselines=True,
    guidance=GUIDANCE,
)


class ByFirstNumber(Scorer):
    """The perceptual model prefers whatever has the largest first feature."""

    def _measure(self, x, batch, T_world_cpf):
        return {"perceptual": x[:, :, 0, 0]}


def batch_of_three() -> EvaluationBatch:
    return EvaluationBatch(windows(3, "score"), 0)


def drawn(candidate: int = 0) -> torch.Tensor:
    return draw_samples(network(), batch_of_three(), CONFIG, candidate)


def test_the_best_of_one_is_the_plain_evaluation():
    metrics, _ = Scorer(hybrid(), OMEGA, CONFIG).score(network(), batch_of_three())
    plain = score_denoiser(network(), windows(3, "score"), open_body(), FPS, CONFIG)
    assert listed([metrics]) == plain


def test_the_best_of_three_is_sample_by_sample_the_one_that_scores_highest():
    candidates = torch.stack([drawn(candidate) for candidate in range(3)])
    best = ByFirstNumber(hybrid(), OMEGA, CONFIG).draw(network(), batch_of_three(), 3, "best_of")
    assert_close(best[:, :, 0, 0], candidates[..., 0, 0].amax(dim=0), rtol=0, atol=0)
    same = (best == candidates).flatten(3).all(dim=3).any(dim=0)
    assert bool(same.all())  # a whole candidate is taken, never a mixture


def test_the_oracle_takes_the_sample_that_is_nearest_to_the_truth():
    batch, scorer = windows(3, "score"), Scorer(hybrid(), OMEGA, CONFIG)
    oracle = scorer.draw(network(), batch_of_three(), 3, "oracle")
    errors = [mpjpe(drawn(candidate), batch) for candidate in range(3)]
    assert_close(mpjpe(oracle, batch), torch.stack(errors).amin(dim=0), rtol=0, atol=0)


def test_the_mean_is_that_of_the_candidates_sample_by_sample():
    candidates = torch.stack([drawn(candidate) for candidate in range(3)])
    mean = Scorer(hybrid(), OMEGA, CONFIG).draw(network(), batch_of_three(), 3, "mean_of")
    assert_close(mean, candidates.mean(dim=0), rtol=0, atol=1e-6)


def mpjpe(x: torch.Tensor, batch) -> torch.Tensor:
    placement = batch.T_world_cpf[:, None, 1:].expand(-1, 2, -1, -1)
    return hybrid().measure(x, batch, placement).values["position"]


def test_by_hand_the_better_of_two_is_chosen_and_the_first_where_they_agree():
    x, other = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    chosen, score = better_of(x, torch.tensor([[1.0, 2.0, 3.0]]), other, torch.tensor([[2.0, 2.0, 1.0]]))
    assert chosen.flatten().tolist() == [1.0, 0.0, 0.0]
    assert score.tolist() == [[2.0, 2.0, 3.0]]


def test_rewards_are_of_the_samples_that_are_judged():
    """Placed by the true head, the position error of the reward is MPJPE."""
    batch = windows(3, "score")
    _, rewards = Scorer(hybrid(), OMEGA, CONFIG).score(network(), batch_of_three())
    values = hybrid().measure(drawn(), batch, batch.T_world_cpf[:, None, 1:].expand(-1, 2, -1, -1)).values
    assert set(rewards) == set(OMEGA)
    assert_close(rewards["position"], (-values["position"]).exp().mean(1), rtol=0, atol=1e-12)
    assert_close(rewards["perceptual"], (0.2 * values["perceptual"]).exp().mean(1), rtol=0, atol=1e-12)
