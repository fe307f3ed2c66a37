"""The perceptual model follows the policy: what a refresh changes, and what it does not."""

import copy

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.optimisation import Optimiser
from motiongrpo.base.seeds import seed_for
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards import online
from motiongrpo.rewards.corruption import CORRUPTIONS
from motiongrpo.rewards.examination import Examiner
from motiongrpo.rewards.online import OnlineReward, RefreshConfig
from motiongrpo.rewards.perceptual import PerceptualModel
from tests.bodies import FPS, open_body, window_batch
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.rewards.test_hybrid import REFRESH
from tests.rewards.test_perceptual import ARCHITECTURE
from tests.rewards.test_training import config as recipe

BATCH = window_batch(frames=6, count=6)
SAMPLING = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)


def windows(count: int, *address) -> WindowBatch:
    first = seed_for(0, *address) % len(BATCH)
    return BATCH.rows((torch.arange(count) + first) % len(BATCH))


def model() -> PerceptualModel:
    torch.manual_seed(0)
    return PerceptualModel(ARCHITECTURE).double()


def following(perceptual: PerceptualModel | None = None, seed: int = 0, **changes) -> OnlineReward:
    config = RefreshConfig.model_validate(REFRESH | changes)
    return OnlineReward(
        training=Optimiser(perceptual or model(), config.optimiser),
        recipe=recipe(batch_size=3, hard_negatives_per_step=4),
        config=config,
        examiner=Examiner(open_body(), FPS, BATCH, seed),
        windows=windows,
        seed=seed,
    )


def policy(seed: int = 0) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(denoiser_config()).double()


def weights(perceptual: PerceptualModel) -> torch.Tensor:
    return torch.cat([value.flatten() for value in perceptual.state_dict().values()])


def test_a_refresh_trains_what_judges_in_place_and_counts_as_a_version():
    reward = following()
    judge = reward.training.averaged
    assert_close(weights(judge), weights(model()), rtol=0, atol=0)
    assert reward.version == 0
    told = reward.refresh(policy(), SAMPLING)
    assert reward.training.averaged is judge
    assert reward.version == 1
    assert reward.training.steps == 2
    assert (weights(judge) - weights(model())).abs().max() > 1e-4
    assert 0 <= told["pair_accuracy"] <= 1
    assert told["loss"] > 0


@pytest.mark.parametrize(("every", "due"), [(1, [2, 3, 4, 5, 6]), (2, [3, 5]), (5, [6]), (9, [])])
def test_a_refresh_is_due_after_every_so_many_updates(every, due):
    reward = following(every_updates=every)
    assert [update for update in range(1, 7) if reward.is_due(update)] == due


def test_a_refresh_depends_on_policy_version_and_seed_and_on_nothing_else():
    def refreshed(of: Denoiser, seed: int = 0) -> torch.Tensor:
        reward = following(seed=seed)
        torch.manual_seed(int(torch.randint(0, 99, ())))
        reward.refresh(of, SAMPLING)
        return weights(reward.training.averaged)

    assert_close(refreshed(policy()), refreshed(policy()), rtol=0, atol=0)
    assert (refreshed(policy()) - refreshed(policy(1))).abs().max() > 0
    assert (refreshed(policy()) - refreshed(policy(), seed=1)).abs().max() > 0


def test_hard_negatives_are_the_last_states_of_this_policy_on_windows_of_their_own(monkeypatch):
    asked, contrasted = [], []
    real, train = online.hard_negatives, online.contrast
    monkeypatch.setattr(
        online, "hard_negatives", lambda *args: asked.append((args, real(*args))) or asked[-1][1]
    )
    monkeypatch.setattr(online, "contrast", lambda *args: contrasted.append(args) or train(*args))
    current, reward = policy(), following(seed=5)
    reward.refresh(current, SAMPLING)
    (training, held_out) = asked
    assert training[0][0] is held_out[0][0] is current
    assert len(training[1].T_world_cpf) == 3 * REFRESH["hard_negative_windows"]
    assert held_out[0][1] is reward.examiner.batch
    assert [args[2] for args in contrasted] == [training[1]] * 2
    seeds = [args[6].initial_seed() for args in contrasted]
    assert seeds == [seed_for(5, "refresh", step) for step in (1, 2)]


def test_scores_are_calibrated_anew_on_held_out_motion_against_this_policy():
    """Both sides have equal weight, so the mean scores of true and of false motion add up to one."""
    before = model()
    before.calibration.copy_(torch.tensor([3.0, -2.0]))
    reward, current = following(before), policy()
    held_out = []
    real = online.hard_negatives
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(online, "hard_negatives", lambda *args: held_out.append(real(*args)) or held_out[-1])
        reward.refresh(current, SAMPLING)
    judge, examiner = reward.training.averaged, reward.examiner
    fakes = [examiner.graded(kind) for kind in CORRUPTIONS] + [held_out[-1]]
    true, fake = (
        torch.cat([judge.score(part.logits(judge, open_body(), FPS)) for part in parts]).mean()
        for parts in ([examiner.truth()], fakes)
    )
    assert float((true + fake).detach()) == pytest.approx(1, abs=0.02)
    assert_close(reward.training.model.calibration, judge.calibration, rtol=0, atol=0)


def test_two_refreshes_in_two_processes_are_two_in_one():
    whole, first = following(), following()
    for _ in range(2):
        whole.refresh(policy(), SAMPLING)
    first.refresh(policy(), SAMPLING)
    resumed = following(copy.deepcopy(model()))
    resumed.training.restore(first.training.state())
    assert resumed.version == 1
    resumed.refresh(policy(), SAMPLING)
    for name, value in whole.training.state().items():
        assert_close(resumed.training.state()[name], value, rtol=0, atol=0)
