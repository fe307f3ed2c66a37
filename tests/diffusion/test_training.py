import copy
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import Diverged
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.seeds import generator_for
from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.disturbance import DisturbanceConfig, disturbed
from motiongrpo.diffusion.joint_loss import JointLoss, JointLossConfig
from motiongrpo.diffusion.loss import add_noise, denoising_loss, level_weight
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.diffusion.training import (
    PretrainingConfig,
    PretrainingLoss,
    denoised,
    noised,
    noised_to_all_levels,
    pretrain,
    pretraining_loss,
    stratified_levels,
    validate,
)
from tests.bodies import FPS, open_body, window_batch
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.diffusion.test_denoiser import denoiser


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def optimiser_config() -> OptimiserConfig:
    return OptimiserConfig(
        learning_rate=3e-3, weight_decay=0.0, warmup_steps=0, gradient_clip=1.0, ema_decay=0.5
    )


def disturbance(share: float) -> DisturbanceConfig:
    return DisturbanceConfig(
        share=share, floor_m=0.1, jitter_m=0.005, jitter_rad=0.01, gap_s=0.25, rate_hz=15
    )


def pretraining_config(steps: int) -> PretrainingConfig:
    return PretrainingConfig(
        init="random",
        egoallo=None,
        steps=steps,
        batch_size=4,
        short_share=0.0,
        start_windows=2,
        checkpoint_every=10,
        validate_every=4,
        validation_windows=4,
        joint_loss=JointLossConfig(position=0, velocity=0),
        disturbance=disturbance(share=0),
        seed=3,
        denoiser=denoiser_config(),
        optimiser=optimiser_config(),
    )


OFF = JointLoss(open_body(), FPS, JointLossConfig(position=0, velocity=0))


def test_a_poisoned_batch_or_weight_stops_pretraining_before_a_step():
    settings, batch = pretraining_config(steps=2), window_batch(frames=6)
    poisoned = replace(batch, T_world_cpf=batch.T_world_cpf.index_fill(1, torch.tensor(3), float("nan")))
    training = Optimiser(denoiser(), settings.optimiser)
    with pytest.raises(Diverged, match="a window of motion is nan; the motion store is damaged"):
        list(pretrain(training, lambda step: poisoned, batch, OFF, settings))
    with torch.no_grad():
        next(training.model.parameters()).view(-1)[0] = float("inf")
    with pytest.raises(Diverged, match=r"the loss is (nan|inf); lower optimiser.learning_rate"):
        list(pretrain(training, lambda step: batch, batch, OFF, settings))
    assert training.steps == 0


def test_levels_are_drawn_one_from_each_stratum():
    t = stratified_levels(100, seeded()).sort().values
    assert ((t - 1) // 10 == torch.arange(100)).all()


def test_every_level_can_be_drawn_and_none_else():
    drawn = torch.cat([stratified_levels(7, seeded(seed)) for seed in range(4000)])
    assert sorted(set(drawn.tolist())) == list(range(1, 1001))
    assert abs(float(drawn.double().mean()) - 500.5) < 5 * 0.25  # deviation of a mean of 28,000, stratified


def test_levels_do_not_go_with_the_rows_of_a_batch():
    first = torch.stack([stratified_levels(4, seeded(seed))[0] for seed in range(400)])
    assert abs(float(first.double().mean()) - 500.5) < 5 * 289 / 400**0.5


class Clairvoyant(Denoiser):
    """Says the truth plus a known error, and keeps what it was shown."""

    def __init__(self, x_0: torch.Tensor, error: float) -> None:
        super().__init__(denoiser_config())
        self.x_0, self.error, self.seen = x_0, error, None

    def forward(self, x_t, t, condition, mask):
        self.seen = (x_t, t, condition)
        return (self.x_0 + self.error)[:, None]


def test_the_loss_of_the_truth_is_zero_and_of_a_known_error_is_known():
    batch = window_batch(frames=6)
    x_0 = true_motion(batch).pack()
    assert float(pretraining_loss(Clairvoyant(x_0, 0.0), noised_to_all_levels(batch, seeded()), OFF)) == 0
    oracle = Clairvoyant(x_0, 0.1)
    terms = denoised(oracle, noised(batch, stratified_levels(len(batch), seeded()), seeded())).loss()
    _, t, condition = oracle.seen
    assert_close(terms.body, 0.01 * level_weight(t).double().mean(), rtol=1e-6, atol=0)
    assert_close(condition, head_condition(batch.T_world_cpf), rtol=0, atol=0)


def test_the_network_is_shown_the_truth_with_the_noise_of_its_level():
    batch = window_batch(frames=6)
    x_0 = true_motion(batch).pack()
    oracle = Clairvoyant(x_0, 0.0)
    pretraining_loss(oracle, noised_to_all_levels(batch, seeded()), OFF)
    x_t, t, _ = oracle.seen
    clean = add_noise(x_0, torch.zeros_like(x_0), t)
    spread = add_noise(torch.zeros_like(x_0), torch.ones_like(x_0), t)
    noise = (x_t[:, 0] - clean) / spread
    assert abs(float(noise.mean())) < 5 / noise.numel() ** 0.5
    assert abs(float(noise.std()) - 1) < 5 / (2 * noise.numel()) ** 0.5


def test_the_loss_is_the_published_one_of_the_networks_estimate():
    batch, model = window_batch(frames=6), denoiser()
    x_0, generator = true_motion(batch).pack(), seeded()
    t = stratified_levels(len(batch), generator)
    x_t = add_noise(x_0, torch.randn(x_0.shape, generator=generator).double(), t)
    guess = model(x_t[:, None], t, head_condition(batch.T_world_cpf), batch.mask)[:, 0]
    expected = denoising_loss(guess, x_0, level_weight(t), batch.mask).total()
    assert_close(
        pretraining_loss(model, noised_to_all_levels(batch, seeded()), None), expected, rtol=0, atol=1e-12
    )


def test_without_a_share_the_loss_is_that_of_true_paths_bit_for_bit():
    batch, model = window_batch(frames=6), denoiser()
    expected = pretraining_loss(model, noised_to_all_levels(batch, generator_for(3, "pretraining", 7)), OFF)
    for given in (disturbance(share=0), None):
        assert torch.equal(PretrainingLoss(OFF, given)(model, batch, 3, "pretraining", 7), expected)


def test_disturbed_paths_are_shown_and_what_is_to_be_said_stays_the_true_motion_under_the_true_head():
    """An oracle that says the truth loses nothing, in joint space neither, whatever path it was shown."""
    batch, joint = (
        window_batch(frames=6),
        JointLoss(open_body(), FPS, JointLossConfig(position=1, velocity=1)),
    )
    x_0, given = true_motion(batch).pack(), disturbance(share=1)
    shown = {}
    for name, loss in (("true", PretrainingLoss(joint, None)), ("told", PretrainingLoss(joint, given))):
        oracle = Clairvoyant(x_0, 0.0)
        assert float(loss(oracle, batch, 3, "pretraining", 7)) < 1e-6
        shown[name] = oracle.seen
    told = disturbed(
        batch.T_world_cpf, batch.mask, FPS, given, generator_for(3, "pretraining", 7, "disturbance")
    )
    assert_close(shown["told"][2], head_condition(told), rtol=0, atol=0)
    assert (shown["told"][2] != shown["true"][2]).any()
    for drawn in (0, 1):  # x_t and t: noise and levels are those of true paths
        assert torch.equal(shown["told"][drawn], shown["true"][drawn])


def test_pretraining_shows_disturbed_paths_where_it_is_asked_to():
    batch, settings = window_batch(frames=6), pretraining_config(1)
    alike, other = (
        next(pretrain(Optimiser(denoiser(), optimiser_config()), lambda step: batch, batch, OFF, given))
        for given in (settings, settings.model_copy(update={"disturbance": disturbance(share=1)}))
    )
    assert alike.loss != other.loss
    expected = PretrainingLoss(OFF, disturbance(share=1))(denoiser(), batch, 3, "pretraining", 1)
    assert other.loss == float(expected.detach())


def test_the_first_estimate_of_the_truth_is_where_it_is_and_of_a_turned_neck_is_not():
    batch = window_batch(frames=6)
    x_0 = true_motion(batch).pack()
    oracle = Clairvoyant(x_0, 0.0)
    exact = validate(oracle, batch, OFF, seed=1)
    assert exact.loss == 0
    assert exact.mpjpe_mm < 1e-6
    assert (oracle.seen[1] == 1000).all()
    assert validate(Clairvoyant(x_0.roll(1, dims=-1), 0.0), batch, OFF, seed=1).mpjpe_mm > 10


def test_validation_is_the_same_twice_and_leaves_no_gradient():
    model, batch = denoiser(), window_batch(frames=6)
    assert validate(model, batch, OFF, seed=1) == validate(model, batch, OFF, seed=1)
    assert validate(model, batch, OFF, seed=1) != validate(model, batch, OFF, seed=2)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_training_lowers_the_loss_and_says_when_it_was_validated():
    batch = window_batch(frames=6)
    training = Optimiser(denoiser(), optimiser_config())
    before = validate(training.averaged, batch, OFF, 3).loss
    records = list(pretrain(training, lambda step: batch, batch, OFF, pretraining_config(30)))
    assert [record.step for record in records] == list(range(1, 31))
    assert [r.step for r in records if r.validation_loss is not None] == [4, 8, 12, 16, 20, 24, 28, 30]
    assert records[-1].validation_loss == validate(training.averaged, batch, OFF, 3).loss
    assert records[-1].validation_loss < 0.7 * before


def test_training_in_two_parts_is_training_in_one():
    batch = window_batch(frames=6)
    whole, parts = (Optimiser(denoiser(), optimiser_config()) for _ in range(2))
    list(pretrain(whole, lambda step: batch, batch, OFF, pretraining_config(6)))
    list(pretrain(parts, lambda step: batch, batch, OFF, pretraining_config(2)))
    resumed = Optimiser(copy.deepcopy(parts.model), optimiser_config())
    resumed.restore(parts.state())
    list(pretrain(resumed, lambda step: batch, batch, OFF, pretraining_config(6)))
    for name, value in whole.state().items():
        assert_close(resumed.state()[name], value, rtol=0, atol=0)
