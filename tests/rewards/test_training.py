import copy
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser
from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.sampler import SamplingConfig, predictor, reverse_chain
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from motiongrpo.rewards.training import (
    PerceptualInput,
    RewardModelConfig,
    corrupted,
    hard_negatives,
    info_nce,
    train_perceptual,
)
from tests.bodies import FPS, open_body, window_batch
from tests.diffusion.test_denoiser import denoiser

ARCHITECTURE = PerceptualConfig(width=16, heads=2, blocks=1, frames_per_token=4, contacts=True)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def config(**changes) -> RewardModelConfig:
    values = {
        "steps": 3,
        "batch_size": 4,
        "corruptions_per_window": 2,
        "severity_at_least": 0.1,
        "hard_negative_windows": 0,
        "hard_negatives_per_step": 0,
        "temperature": 0.07,
        "checkpoint_every": 200,
        "examination_windows": 4,
        "seed": 0,
        "sampling": {"steps": 4, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0},
        "model": ARCHITECTURE,
        "optimiser": {
            "learning_rate": 3e-3,
            "weight_decay": 0.0,
            "warmup_steps": 0,
            "gradient_clip": 1.0,
            "ema_decay": 0.0,
        },
    }
    return RewardModelConfig(**values | changes)


def optimiser(settings: RewardModelConfig) -> Optimiser[PerceptualModel]:
    torch.manual_seed(0)
    return Optimiser(PerceptualModel(ARCHITECTURE).double(), settings.optimiser)


def trained(
    training: Optimiser, batch: WindowBatch, settings: RewardModelConfig, hard: PerceptualInput | None = None
):
    return list(train_perceptual(training, lambda step: batch, hard, open_body(), FPS, settings))


def test_info_nce_by_hand():
    positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -1.0, 0.5])
    loss, accuracy = info_nce(positive, negative, temperature=0.5)
    expected = [
        -torch.log(torch.exp(p / 0.5) / (torch.exp(p / 0.5) + torch.exp(negative / 0.5).sum()))
        for p in positive
    ]
    assert_close(loss, torch.stack(expected).mean())
    assert accuracy == pytest.approx(4 / 6)


def test_a_model_that_sees_nothing_pays_the_logarithm_of_the_candidates():
    loss, accuracy = info_nce(torch.zeros(3).double(), torch.zeros(7).double(), temperature=0.07)
    assert float(loss) == pytest.approx(torch.log(torch.tensor(8.0)).item())
    assert accuracy == 0


def test_every_window_is_corrupted_by_each_kind_in_turn():
    """With as many corruptions as kinds, each occurs once, all at the requested severity."""
    batch = window_batch(frames=12)
    settings = config(corruptions_per_window=len(CORRUPTIONS), severity_at_least=1.0)
    made = corrupted(batch, settings, seeded()).candidate
    truth = PlacedMotion.truth(batch)
    raised = (made.T_world_cpf[..., 6].unflatten(0, (-1, 4)) - truth.T_world_cpf[..., 6]).abs().amax(2)
    assert sorted(raised.amax(1).tolist()) == pytest.approx([0.0] * 7 + [0.2])
    turned = (made.R_parent_joint.unflatten(0, (-1, 4)) - truth.R_parent_joint).abs().flatten(1).amax(1)
    assert int((turned > 1e-3).sum()) == 7
    assert len({round(float(part), 9) for part in turned}) == 8


def test_severities_are_at_least_what_is_asked_and_reach_the_worst():
    batch = window_batch(frames=12)
    draws = []
    for seed in range(200):
        made = corrupted(
            batch, config(corruptions_per_window=8, severity_at_least=0.4), seeded(seed)
        ).candidate
        raised = (made.T_world_cpf[..., 6].unflatten(0, (-1, 4)) - batch.T_world_cpf[:, 1:, 6]).abs().amax(2)
        draws.append(raised[raised.amax(1) > 0].flatten() / 0.2)
    severity = torch.cat(draws)
    assert float(severity.min()) >= 0.4 - 1e-9
    assert float(severity.min()) < 0.42
    assert 0.98 < float(severity.max()) <= 1.0


def test_corruptions_are_made_on_the_device_of_the_batch():
    made = corrupted(window_batch(frames=12).to("meta"), config(corruptions_per_window=8), seeded())
    assert {value.device.type for value in made.candidate.__dict__.values()} == {"meta"}


def test_hard_negatives_are_the_last_three_states_of_a_chain():
    batch, model, sampling = window_batch(frames=6, count=2), denoiser(), config().sampling
    hard = hard_negatives(model, batch, sampling, seeded())
    draw = seeded()
    x_T = torch.randn(2, 1, 6, 226, generator=draw).double()
    predict = predictor(model, head_condition(batch.T_world_cpf), batch.mask)
    states = [step.x_s[:, 0] for step in reverse_chain(predict, x_T, sampling, draw)]
    assert len(states) == 4
    for i, x in enumerate(states[1:]):
        rotations = MotionState.unpack(x.detach()).rotations()
        assert_close(hard.candidate.R_parent_joint[2 * i : 2 * i + 2], rotations, rtol=0, atol=1e-9)
    assert_close(hard.T_world_cpf, batch.T_world_cpf.repeat(3, 1, 1), rtol=0, atol=0)
    assert not hard.candidate.R_parent_joint.requires_grad


def test_training_tells_truth_from_corruptions():
    """With a model of a few thousand parameters, on four windows."""
    settings = config(steps=100, severity_at_least=1.0)
    steps = trained(optimiser(settings), window_batch(frames=12), settings)
    assert [step.step for step in steps] == list(range(1, 101))
    assert sum(step.loss for step in steps[-10:]) < 0.7 * sum(step.loss for step in steps[:10])
    assert sum(step.pair_accuracy for step in steps[-10:]) / 10 > 0.75


def test_hard_negatives_are_among_what_is_contrasted():
    """There are four positives against eight corruptions, and four more negatives with hard ones."""
    settings = config(steps=1, hard_negatives_per_step=4, temperature=1e9)
    batch = window_batch(frames=6)
    hard = hard_negatives(
        denoiser(), batch, SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0), seeded()
    )
    (without,), (with_hard,) = (trained(optimiser(settings), batch, settings, h) for h in (None, hard))
    assert without.loss == pytest.approx(torch.log(torch.tensor(9.0)).item(), abs=1e-6)
    assert with_hard.loss == pytest.approx(torch.log(torch.tensor(13.0)).item(), abs=1e-6)


@pytest.mark.parametrize("what", ["q_parent_joint", "T_world_cpf"])
def test_a_poisoned_batch_or_weight_stops_the_reward_models_training_before_a_step(what):
    batch, training = window_batch(frames=6), optimiser(config())
    poisoned = replace(batch, **{what: getattr(batch, what).index_fill(1, torch.tensor(3), float("nan"))})
    with pytest.raises(Diverged, match="a window of motion is nan"):
        trained(training, poisoned, config())
    next(training.model.parameters()).data.fill_(float("nan"))
    with pytest.raises(Diverged, match=r"the loss is nan; lower optimiser.learning_rate"):
        trained(training, batch, config())
    assert training.steps == 0


def test_training_in_two_parts_is_training_in_one():
    batch = window_batch(frames=6)
    whole, first = optimiser(config()), optimiser(config())
    trained(whole, batch, config())
    trained(first, batch, config(steps=1))
    resumed = Optimiser(copy.deepcopy(first.model), config().optimiser)
    resumed.restore(first.state())
    trained(resumed, batch, config())
    for name, value in whole.state().items():
        assert_close(resumed.state()[name], value, rtol=0, atol=0)
